// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is where in a PVH domain's physical address space.
use hv_core::hvm::p2m::{Kind, Leaf};
use xen_abi::errno::Errno;
use xen_abi::frame::Gfn;
use xen_abi::memory::{AddToPhysmap, MemoryOp, PhysmapSpace, RemoveFromPhysmap};

use super::{any_domain, may_change};
use crate::current::Current;
use crate::domain::{Domain, DomainRef};
use crate::grants;
use crate::guest_ptr::GuestPtr;
use crate::hvm::{Hvm, physmap};
use xen_abi::domain::DomId;

/// Bit of an index in the grant table: status frames of version 2.
const STATUS_FRAMES: u64 = 1 << 31;

/// The PVH domain that a request names, if the caller may change it. `EACCES` for a PV domain, which
/// has no such address space.
fn target(current: &Current, id: DomId) -> Result<DomainRef, Errno> {
    let domain = any_domain(current, id)?;
    if domain.hvm.is_none() {
        return Err(Errno::Eacces);
    }
    may_change(current, &domain)?;
    Ok(domain)
}

/// Puts a frame of the domain, or one that the hypervisor shares with it, behind a frame number;
/// memory that was there is given back.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EACCES` for a PV domain; `EINVAL` for what is not known, does not exist or is
/// in use otherwise; `EOPNOTSUPP` for frames of others, and for several at once; `ENOMEM`.
pub(super) fn add_to_physmap(
    current: &Current,
    op: MemoryOp,
    arg: GuestPtr<AddToPhysmap>,
) -> Result<u64, Errno> {
    let request = arg.read()?;
    let domain = target(current, request.domid)?;
    let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
    if op == MemoryOp::AddToPhysmapBatch {
        return Err(Errno::Eopnotsupp);
    }
    let gfn = Gfn::new(request.gpfn);
    let space = PhysmapSpace::try_from(request.space).map_err(|_| Errno::Einval)?;
    let mfn = match space {
        PhysmapSpace::SharedInfo if request.idx == 0 => domain.shared_info_frame,
        PhysmapSpace::GrantTable if request.idx & STATUS_FRAMES == 0 => {
            let index = usize::try_from(request.idx).map_err(|_| Errno::Einval)?;
            grants::frame(&domain, index)?
        }
        PhysmapSpace::Gmfn => return move_frame(&domain, hvm, Gfn::new(request.idx), gfn),
        PhysmapSpace::GmfnRange | PhysmapSpace::GmfnForeign => return Err(Errno::Eopnotsupp),
        PhysmapSpace::SharedInfo | PhysmapSpace::GrantTable => return Err(Errno::Einval),
    };
    give_back(&domain, hvm, gfn);
    physmap::add(&domain, hvm, gfn, Leaf::own(mfn), domain.id)?;
    Ok(0)
}

/// A frame of the domain's memory gets another number.
fn move_frame(domain: &Domain, hvm: &Hvm, from: Gfn, to: Gfn) -> Result<u64, Errno> {
    let leaf = physmap::get(hvm, from).filter(|leaf| leaf.kind == Kind::Own);
    let leaf = leaf.ok_or(Errno::Einval)?;
    if from == to {
        return Ok(0);
    }
    give_back(domain, hvm, to);
    physmap::remove(domain, hvm, from)?;
    physmap::add(domain, hvm, to, leaf, domain.id)?;
    Ok(0)
}

/// Takes away what is behind `gfn`; memory of the domain goes back to the hypervisor.
fn give_back(domain: &Domain, hvm: &Hvm, gfn: Gfn) {
    if let Ok(leaf) = physmap::remove(domain, hvm, gfn)
        && leaf.kind == Kind::Own
    {
        // A frame that the hypervisor shares stays.
        let _ = crate::memory::domain_frames::take_back(domain, leaf.mfn);
    }
}

/// Takes away what is behind a frame number; memory stays the domain's, out of its reach.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EACCES` for a PV domain, `ENOENT`.
pub(super) fn remove_from_physmap(
    current: &Current,
    arg: GuestPtr<RemoveFromPhysmap>,
) -> Result<u64, Errno> {
    let request = arg.read()?;
    let domain = target(current, request.domid)?;
    let hvm = domain.hvm.as_ref().ok_or(Errno::Eacces)?;
    physmap::remove(&domain, hvm, Gfn::new(request.gpfn))?;
    Ok(0)
}
