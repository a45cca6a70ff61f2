// SPDX-License-Identifier: MIT OR Apache-2.0
//! `XENMEM_acquire_resource`: the frames of another domain's grant table, for the toolstack that
//! writes the first entries.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::memory::{AcquireResource, RESOURCE_GRANT_TABLE_SHARED, ResourceType};

use crate::current::Current;
use crate::domain::{self, Domain};
use crate::grants;
use crate::guest_ptr::GuestPtr;
use crate::hypercall::Outcome;

/// Offset of [`AcquireResource::nr_frames`].
const NR_FRAMES: u64 = 8;

/// Writes the numbers of the wanted frames to the list, or, if none are wanted, how many there
/// can be. The caller maps them as frames of the domain.
///
/// # Errors
/// `ESRCH` for no other domain, `EPERM` for the caller itself or without privilege, `EOPNOTSUPP`
/// for other resources, `EINVAL` beyond the table's limit, `ENOMEM`, `EFAULT`.
pub(super) fn acquire_resource(
    current: &Current,
    arg: GuestPtr<AcquireResource>,
) -> Result<Outcome, Errno> {
    let request = arg.read()?;
    if request._pad != 0 {
        return Err(Errno::Einval);
    }
    if request.domid == DomId::SELF {
        return Err(Errno::Esrch);
    }
    let domain = domain::find(request.domid).ok_or(Errno::Esrch)?;
    if domain.id == current.domain().id || !current.domain().privileged {
        return Err(Errno::Eperm);
    }
    match ResourceType::try_from(request.kind) {
        Ok(ResourceType::GrantTable) if request.id == RESOURCE_GRANT_TABLE_SHARED => {}
        Ok(ResourceType::GrantTable) => return Err(Errno::Einval),
        _ => return Err(Errno::Eopnotsupp),
    }
    if request.nr_frames == 0 && request.frame_list == 0 {
        let limit = domain.grants.lock().max_frames();
        let limit = u32::try_from(limit).map_err(|_| Errno::Einval)?;
        arg.byte_offset::<u32>(NR_FRAMES)?.write(&limit)?;
        return Ok(Outcome::Done(0));
    }
    list_frames(&domain, &request)?;
    Ok(Outcome::Done(0))
}

fn list_frames(domain: &Domain, request: &AcquireResource) -> Result<(), Errno> {
    let limit = domain.grants.lock().max_frames();
    let wanted = u64::from(request.nr_frames);
    let end = request.frame.checked_add(wanted).ok_or(Errno::Einval)?;
    if usize::try_from(end).map_or(true, |end| end > limit) {
        return Err(Errno::Einval);
    }
    let list = GuestPtr::<u64>::new(request.frame_list);
    for (frame, index) in (request.frame..end).zip(0..) {
        let number = usize::try_from(frame).map_err(|_| Errno::Einval)?;
        let mfn = grants::frame(domain, number)?;
        list.element(index)?.write(&mfn.get())?;
    }
    Ok(())
}
