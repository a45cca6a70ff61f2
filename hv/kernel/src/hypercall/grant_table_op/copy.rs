// SPDX-License-Identifier: MIT OR Apache-2.0
//! `GNTTABOP_copy`: from one frame to another, each the caller's own or granted to it.
use hv_core::grant_table::entry::{Access, Use};
use hv_core::page_type::{BUDGET, PageTypes, Stop as TypeStop};
use xen_abi::domain::DomId;
use xen_abi::frame::{Maddr, Mfn, PAGE_SIZE};
use xen_abi::grant_table::{
    COPY_DEST_GREF, COPY_SOURCE_GREF, CopyPtr, GrantCopy, GrantRef, GrantStatus,
};

use super::{Failure, Stop, status_of};
use crate::current::Current;
use crate::domain::{self, Domain};
use crate::grants;
use crate::hvm::{physmap, shadow};
use crate::hypercall::argument::Named;
use crate::machine::Host;
use crate::memory::direct_map;

/// One element.
pub(super) fn copy(current: &Current, element: &mut GrantCopy) -> Result<(), Stop> {
    element.status = status_of(try_copy(current, element))?;
    Ok(())
}

fn try_copy(current: &Current, element: &GrantCopy) -> Result<(), Failure> {
    let types = PageTypes::new(&Host, BUDGET);
    let source = Side::find(current, &element.source, element.flags & COPY_SOURCE_GREF != 0)?;
    let dest = Side::find(current, &element.dest, element.flags & COPY_DEST_GREF != 0)?;
    let from = Buffer::open(current, &types, source, Access::ReadOnly)?;
    let to = Buffer::open(current, &types, dest, Access::ReadWrite)?;
    let length = usize::from(element.len);
    let from = from.at(element.source.offset, length)?;
    direct_map::copy_bytes(from, to.at(element.dest.offset, length)?, length);
    shadow::copied_to(to.owner(current), to.mfn);
    Ok(())
}

/// What one side of a copy names.
struct Side<'c> {
    owner: Named<'c>,
    name: Name,
}

enum Name {
    Grant(GrantRef),
    Frame(Mfn),
}

impl<'c> Side<'c> {
    fn find(current: &'c Current, pointer: &CopyPtr, is_grant: bool) -> Result<Self, GrantStatus> {
        let own = pointer.domid == DomId::SELF;
        let owner = if own {
            Named::Caller(current.domain())
        } else {
            Named::Other(domain::find(pointer.domid).ok_or(GrantStatus::BAD_DOMAIN)?)
        };
        if !is_grant && !own {
            return Err(GrantStatus::PERMISSION_DENIED);
        }
        let name = if is_grant {
            let number = u32::try_from(pointer.ref_or_gmfn).map_err(|_| GrantStatus::BAD_GNTREF);
            Name::Grant(GrantRef::new(number?))
        } else {
            Name::Frame(Mfn::new(pointer.ref_or_gmfn))
        };
        Ok(Self { owner, name })
    }
}

/// A frame held for a copy; dropping it lets go of the frame and then of the grant.
struct Buffer<'c> {
    types: &'c PageTypes<'static, Host>,
    mfn: Mfn,
    access: Access,
    grant: Option<Pin<'c>>,
}

/// A grant in use.
struct Pin<'c> {
    granter: Named<'c>,
    reference: GrantRef,
    access: Access,
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.granter.grants.lock().unpin(self.reference, self.access);
    }
}

impl<'c> Buffer<'c> {
    #[inline(always)]
    fn open(
        current: &Current,
        types: &'c PageTypes<'static, Host>,
        side: Side<'c>,
        access: Access,
    ) -> Result<Self, Failure> {
        let owner = side.owner.id;
        let (mfn, grant) = match side.name {
            Name::Frame(frame) => {
                let mfn = physmap::machine_frame(&side.owner, frame);
                (mfn.ok_or(GrantStatus::BAD_PAGE)?, None)
            }
            Name::Grant(reference) => {
                let user = current.domain().id;
                let machine = |frame| grants::machine_frame(&side.owner, frame);
                let frame =
                    side.owner.grants.lock().pin(reference, user, access, Use::Copy, machine)?;
                let pin = Pin { granter: side.owner, reference, access };
                (Mfn::new(u64::from(frame)), Some(pin))
            }
        };
        hold(types, mfn, owner, access)?;
        Ok(Self { types, mfn, access, grant })
    }

    /// Whose frame it is: the granter's, or the caller's.
    fn owner<'a>(&'a self, current: &'a Current) -> &'a Domain {
        self.grant.as_ref().map_or(current.domain(), |pin| &pin.granter)
    }

    /// The address of `length` bytes from `offset` on; they must lie in the frame.
    fn at(&self, offset: u16, length: usize) -> Result<Maddr, GrantStatus> {
        if usize::from(offset).saturating_add(length) > PAGE_SIZE {
            return Err(GrantStatus::BAD_COPY_ARG);
        }
        Ok(Maddr::new(self.mfn.maddr().get() | u64::from(offset)))
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        match self.access {
            Access::ReadOnly => self.types.put_page(self.mfn),
            Access::ReadWrite => self.types.put_writable(self.mfn),
        }
        self.grant = None;
    }
}

/// Takes references on a frame of `owner`, so that it can be read or written.
fn hold(
    types: &PageTypes<'_, Host>,
    mfn: Mfn,
    owner: DomId,
    access: Access,
) -> Result<(), Failure> {
    if access == Access::ReadOnly {
        types.get_page(mfn, owner).map_err(|_| GrantStatus::BAD_PAGE)?;
        return Ok(());
    }
    match types.get_writable(mfn, owner) {
        Ok(()) => Ok(()),
        Err(_) if !grants::is_owned(mfn, owner) => Err(GrantStatus::BAD_PAGE.into()),
        Err(TypeStop::Refused(_)) => Err(GrantStatus::GENERAL_ERROR.into()),
        Err(TypeStop::Preempted) => Err(Failure::Again),
    }
}
