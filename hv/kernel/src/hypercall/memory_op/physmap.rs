// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is where in a PVH domain's physical address space.
use hv_core::hvm::p2m::{Kind, Leaf};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, Mfn};
use xen_abi::memory::{
    AddToPhysmap, AddToPhysmapBatch, MemoryOp, PhysmapSpace, RemoveFromPhysmap, join_cmd,
};

use super::FRAMES_PER_STEP;
use crate::current::Current;
use crate::domain::{self, Domain};
use crate::grants;
use crate::guest_ptr::GuestPtr;
use crate::hvm::{Hvm, physmap};
use crate::hypercall::Outcome;
use crate::hypercall::argument::{Named, any_domain, require_control};

/// Bit of an index in the grant table: status frames of version 2.
const STATUS_FRAMES: u64 = 1 << 31;

/// The PVH domain that a request names, if the caller may change it this way.
///
/// # Errors
/// `ESRCH`; `EACCES` for a PV domain, which has no such address space, and for memory of devices,
/// which no PVH domain here has; `EPERM`.
fn target(current: &Current, id: DomId, space: Option<u32>) -> Result<Named<'_>, Errno> {
    let domain = any_domain(current, id)?;
    if domain.hvm.is_none() || space == Some(PhysmapSpace::DeviceMemory.raw()) {
        return Err(Errno::Eacces);
    }
    require_control(current, &domain)?;
    Ok(domain)
}

/// Puts a frame of the domain, or one that the hypervisor shares with it, behind a frame number, or
/// a range of the domain's frames from number `start` of it on; memory that was there is given back.
///
/// # Errors
/// As [`target`]; `EDOM` and `EILSEQ` for a start that is not in the range, `EOVERFLOW` for a range
/// over the end; `ENOSYS` for frames of others, which only a batch has; as [`add_one`].
pub(super) fn add_to_physmap(
    current: &Current,
    start: u64,
    arg: GuestPtr<AddToPhysmap>,
) -> Result<Outcome, Errno> {
    let start = u16::try_from(start).map_err(|_| Errno::Edom)?;
    let request = arg.read()?;
    if request.space == PhysmapSpace::GmfnForeign.raw() {
        return Err(Errno::Enosys);
    }
    let domain = target(current, request.domid, Some(request.space))?;
    let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
    let space = PhysmapSpace::try_from(request.space).map_err(|_| Errno::Einval)?;
    if request.gpfn == u64::MAX {
        return Err(Errno::Einval);
    }
    if space != PhysmapSpace::GmfnRange {
        let source = source(current, &domain, space, request.idx, DomId::INVALID)?;
        add_one(&domain, hvm, source, Gfn::new(request.gpfn))?;
        return Ok(Outcome::Done(0));
    }
    if request.size < start {
        return Err(Errno::Eilseq);
    }
    let size = u64::from(request.size);
    if request.gpfn.checked_add(size).is_none() || request.idx.checked_add(size).is_none() {
        return Err(Errno::Eoverflow);
    }
    let (start, stop) = step(start, size);
    for offset in start..stop {
        let idx = request.idx.saturating_add(offset);
        let source = source(current, &domain, PhysmapSpace::Gmfn, idx, DomId::INVALID)?;
        add_one(&domain, hvm, source, Gfn::new(request.gpfn.saturating_add(offset)))?;
    }
    Ok(done_or_again(MemoryOp::AddToPhysmap, stop, size, arg.address()))
}

/// The same for a list, from its element `start` on; the result of each goes to another list.
///
/// # Errors
/// As [`target`]; `EDOM` and `EILSEQ` for a start that is not in the list, `EOPNOTSUPP` for ranges,
/// `EFAULT`.
pub(super) fn add_to_physmap_batch(
    current: &Current,
    start: u64,
    arg: GuestPtr<AddToPhysmapBatch>,
) -> Result<Outcome, Errno> {
    let start = u16::try_from(start).map_err(|_| Errno::Edom)?;
    let request = arg.read()?;
    let number = u32::from(request.space);
    if number == PhysmapSpace::GmfnRange.raw() {
        return Err(Errno::Eopnotsupp);
    }
    let domain = target(current, request.domid, Some(number))?;
    let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
    if request.size < start || request.size == start && start > 0 {
        return Err(Errno::Eilseq);
    }
    let (idxs, gpfns) = (GuestPtr::<u64>::new(request.idxs), GuestPtr::<u64>::new(request.gpfns));
    let errs = GuestPtr::<i32>::new(request.errs);
    let size = u64::from(request.size);
    let (start, stop) = step(start, size);
    for index in start..stop {
        let (idx, gpfn) = (idxs.element(index)?.read()?, gpfns.element(index)?.read()?);
        let result = PhysmapSpace::try_from(number)
            .map_err(|_| Errno::Einval)
            .and_then(|space| source(current, &domain, space, idx, request.foreign_domid))
            .and_then(|source| add_one(&domain, hvm, source, Gfn::new(gpfn)));
        let value = result.map_or_else(Errno::to_return, |()| 0);
        errs.element(index)?.write(&i32::try_from(value).unwrap_or(i32::MIN))?;
    }
    Ok(done_or_again(MemoryOp::AddToPhysmapBatch, stop, size, arg.address()))
}

/// From where to where to go before others have their turn.
fn step(start: u16, size: u64) -> (u64, u64) {
    let start = u64::from(start);
    (start, start.saturating_add(FRAMES_PER_STEP).min(size))
}

fn done_or_again(op: MemoryOp, stop: u64, size: u64, arg: u64) -> Outcome {
    if stop == size {
        return Outcome::Done(0);
    }
    Outcome::Continue([join_cmd(op, stop), arg, 0, 0, 0, 0])
}

/// What is to be put somewhere.
struct Source {
    leaf: Leaf,
    owner: DomId,
    /// The number that it has now, and then no longer.
    from: Option<Gfn>,
}

/// Finds entry `idx` of a space.
///
/// # Errors
/// `EINVAL` for what does not exist; as [`foreign`].
fn source(
    current: &Current,
    domain: &Domain,
    space: PhysmapSpace,
    idx: u64,
    of: DomId,
) -> Result<Source, Errno> {
    let own = |mfn, from| Ok(Source { leaf: Leaf::own(mfn), owner: domain.id, from });
    match space {
        PhysmapSpace::SharedInfo if idx == 0 => own(domain.shared_info_frame, None),
        PhysmapSpace::GrantTable if idx & STATUS_FRAMES == 0 => {
            let index = usize::try_from(idx).map_err(|_| Errno::Einval)?;
            own(grants::frame(domain, index)?, None)
        }
        PhysmapSpace::Gmfn => {
            let from = Gfn::new(idx);
            let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
            let leaf = physmap::get(hvm, from).filter(|leaf| leaf.kind == Kind::Own);
            own(leaf.ok_or(Errno::Einval)?.mfn, Some(from))
        }
        PhysmapSpace::GmfnForeign => foreign(current, domain, idx, of),
        _ => Err(Errno::Einval),
    }
}

/// Finds frame `idx` of another domain.
///
/// # Errors
/// `EPERM` without privilege; `ESRCH` for no such domain; `EINVAL` for the domain itself, and for a
/// frame that the other one has not.
fn foreign(current: &Current, domain: &Domain, idx: u64, of: DomId) -> Result<Source, Errno> {
    if !current.domain().privileged {
        return Err(Errno::Eperm);
    }
    let other = domain::find(of).ok_or(Errno::Esrch)?;
    if other.id == domain.id {
        return Err(Errno::Einval);
    }
    let mfn = match &other.hvm {
        None => Mfn::new(idx),
        Some(hvm) => {
            let leaf = physmap::get(hvm, Gfn::new(idx)).filter(|leaf| leaf.kind == Kind::Own);
            leaf.ok_or(Errno::Einval)?.mfn
        }
    };
    let leaf = Leaf { mfn, kind: Kind::Foreign, writable: true };
    Ok(Source { leaf, owner: other.id, from: None })
}

/// Puts a frame behind `gfn`; memory of the domain that was there is given back.
///
/// # Errors
/// `ENXIO` where a frame of another domain is; as [`physmap::add`].
fn add_one(domain: &Domain, hvm: &Hvm, source: Source, gfn: Gfn) -> Result<(), Errno> {
    if source.from == Some(gfn) {
        return Ok(());
    }
    match physmap::give_back(domain, hvm, gfn) {
        Ok(()) | Err(Errno::Enoent) => {}
        Err(errno) => return Err(errno),
    }
    physmap::add(domain, hvm, gfn, source.leaf, source.owner)
}

/// Takes away what is behind a frame number; memory stays the domain's, out of its reach.
///
/// # Errors
/// `EINVAL` for a start other than 0; as [`target`]; `ENOENT` where there is nothing, or a grant,
/// which is unmapped otherwise.
pub(super) fn remove_from_physmap(
    current: &Current,
    start: u64,
    arg: GuestPtr<RemoveFromPhysmap>,
) -> Result<u64, Errno> {
    if start > 0 {
        return Err(Errno::Einval);
    }
    let request = arg.read()?;
    let domain = target(current, request.domid, None)?;
    let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
    let gfn = Gfn::new(request.gpfn);
    physmap::get(hvm, gfn).filter(|leaf| leaf.kind != Kind::Grant).ok_or(Errno::Enoent)?;
    physmap::remove(&domain, hvm, gfn)?;
    Ok(0)
}
