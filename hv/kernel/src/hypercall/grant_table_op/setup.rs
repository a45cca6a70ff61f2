// SPDX-License-Identifier: MIT OR Apache-2.0
//! The grant table itself: its frames, size and version.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::grant_table::{
    GetStatusFrames, GetVersion, GrantStatus, QuerySize, SetVersion, SetupTable, SwapGrantRef,
};

use super::{Outcome, Stop};
use crate::current::Current;
use crate::grants;
use crate::guest_ptr::GuestPtr;
use crate::hvm::physmap;
use crate::hypercall::argument::{Named, any_domain, controlled_domain, require_control};

/// The one version there is.
const VERSION: u32 = 1;

/// The domain an element names, if the caller may act for it.
fn target(current: &Current, id: DomId) -> Result<Named<'_>, GrantStatus> {
    let domain = any_domain(current, id).map_err(|_| GrantStatus::BAD_DOMAIN)?;
    require_control(current, &domain).map_err(|_| GrantStatus::PERMISSION_DENIED)?;
    Ok(domain)
}

/// `EINVAL` unless there is exactly one element.
fn require_one(count: u32) -> Result<(), Errno> {
    if count == 1 { Ok(()) } else { Err(Errno::Einval) }
}

/// Grows the table and tells where its frames are.
pub(super) fn setup_table(
    current: &Current,
    element: GuestPtr<SetupTable>,
    count: u32,
) -> Result<Outcome, Errno> {
    require_one(count)?;
    let request = element.read()?;
    let status = match try_setup(current, &request) {
        Ok(()) => GrantStatus::OKAY,
        Err(status) => status,
    };
    element.write(&SetupTable { status, ..request })?;
    Ok(Outcome::Done(0))
}

fn try_setup(current: &Current, request: &SetupTable) -> Result<(), GrantStatus> {
    let domain = target(current, request.dom)?;
    let frames = usize::try_from(request.nr_frames).map_err(|_| GrantStatus::GENERAL_ERROR)?;
    grants::grow(&domain, frames).map_err(|_| GrantStatus::GENERAL_ERROR)?;
    let list = GuestPtr::<Mfn>::new(request.frame_list);
    for index in 0..frames {
        let mfn = domain.grants.lock().mfn(index).ok_or(GrantStatus::GENERAL_ERROR)?;
        let mfn = physmap::guest_frame(&domain, mfn);
        let written = list.element(index as u64).and_then(|at| at.write(&mfn));
        written.map_err(|_| GrantStatus::BAD_VIRT_ADDR)?;
    }
    Ok(())
}

/// Tells how large the table is.
pub(super) fn query_size(
    current: &Current,
    element: GuestPtr<QuerySize>,
    count: u32,
) -> Result<Outcome, Errno> {
    require_one(count)?;
    let request = element.read()?;
    let answer = match target(current, request.dom) {
        Ok(domain) => {
            let grants = domain.grants.lock();
            let number = |frames| u32::try_from(frames).unwrap_or(u32::MAX);
            QuerySize {
                nr_frames: number(grants.frames()),
                max_nr_frames: number(grants.max_frames()),
                status: GrantStatus::OKAY,
                ..request
            }
        }
        Err(status) => QuerySize { status, ..request },
    };
    element.write(&answer)?;
    Ok(Outcome::Done(0))
}

/// Chooses version 1; `ENOSYS` for version 2, which is not built, `EINVAL` for any other.
pub(super) fn set_version(element: GuestPtr<SetVersion>) -> Result<Outcome, Errno> {
    match element.read()?.version {
        VERSION => element.write(&SetVersion { version: VERSION }).map(|()| Outcome::Done(0)),
        2 => Err(Errno::Enosys),
        _ => Err(Errno::Einval),
    }
}

/// Tells the version of a domain's table.
pub(super) fn get_version(
    current: &Current,
    element: GuestPtr<GetVersion>,
) -> Result<Outcome, Errno> {
    let request = element.read()?;
    controlled_domain(current, request.dom)?;
    element.write(&GetVersion { version: VERSION, ..request })?;
    Ok(Outcome::Done(0))
}

/// Only version 2 has status frames.
pub(super) fn get_status_frames(
    element: GuestPtr<GetStatusFrames>,
    count: u32,
) -> Result<Outcome, Errno> {
    require_one(count)?;
    let request = element.read()?;
    element.write(&GetStatusFrames { status: GrantStatus::GENERAL_ERROR, ..request })?;
    Ok(Outcome::Done(0))
}

/// Swaps two of the caller's unused entries.
pub(super) fn swap(current: &Current, element: &mut SwapGrantRef) -> Result<(), Stop> {
    let mut grants = current.domain().grants.lock();
    element.status = match grants.swap(element.ref_a, element.ref_b) {
        Ok(()) => GrantStatus::OKAY,
        Err(status) => status,
    };
    Ok(())
}
