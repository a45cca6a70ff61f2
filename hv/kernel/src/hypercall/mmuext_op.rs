// SPDX-License-Identifier: MIT OR Apache-2.0
//! `mmuext_op`: pins, roots, flushes, the LDT, whole pages.
use hv_core::frame_memory::FrameMemory;
use hv_core::page_table::Level;
use hv_core::page_type::{Machine, PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::mmu::{MmuextCmd, MmuextOp};

use super::batch::Batch;
use super::{Outcome, ldt, page_owner};
use crate::address_space;
use crate::arch::control;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::io_permissions::IoPermissions;
use crate::machine::Host;
use crate::memory::frames;

/// Executes a list of operations on frames of the domain that `batch.domids` names.
///
/// # Errors
/// `ESRCH` for an unknown domain, `EPERM` without privilege over it or for an operation that is
/// only for oneself, `ENOSYS` for unknown operations, `EINVAL` for what the frames refuse.
pub fn mmuext_op(current: &Current, batch: Batch<MmuextOp>) -> Result<Outcome, Errno> {
    let named = page_owner::domid(batch.domids);
    let owner = page_owner::page_owner(current, named)?;
    batch.run(owner, |types, operation| {
        page_owner::may_map(current, owner)?;
        execute(current, types, &operation, owner)
    })
}

fn execute(
    current: &Current,
    types: &PageTypes<'_, Host>,
    operation: &MmuextOp,
    owner: DomId,
) -> Result<(), Stop> {
    let cmd = MmuextCmd::try_from(operation.cmd)?;
    let mfn = Mfn::new(operation.arg1);
    match cmd {
        MmuextCmd::PinL1Table => types.pin(mfn, Level::L1, owner),
        MmuextCmd::PinL2Table => types.pin(mfn, Level::L2, owner),
        MmuextCmd::PinL3Table => types.pin(mfn, Level::L3, owner),
        MmuextCmd::PinL4Table => types.pin(mfn, Level::L4, owner),
        MmuextCmd::UnpinTable => types.unpin(mfn, owner),
        MmuextCmd::ClearPage => {
            types.get_writable(mfn, owner)?;
            types.machine().zero_frame(mfn);
            types.put_writable(mfn);
            Ok(())
        }
        MmuextCmd::CopyPage => copy_page(types, mfn, Mfn::new(operation.arg2), owner),
        MmuextCmd::MarkSuper | MmuextCmd::UnmarkSuper => Err(Errno::Eopnotsupp.into()),
        _ if owner != current.domain().id => Err(Errno::Eperm.into()),
        MmuextCmd::NewBaseptr => new_kernel_root(current, types, mfn),
        MmuextCmd::NewUserBaseptr => new_user_root(current, types, mfn),
        MmuextCmd::SetLdt => ldt::set_ldt(current, types, operation.arg1, operation.arg2),
        MmuextCmd::TlbFlushLocal | MmuextCmd::TlbFlushAll => {
            types.machine().flush_tlb();
            Ok(())
        }
        MmuextCmd::InvlpgLocal | MmuextCmd::InvlpgAll => {
            control::invalidate_page(operation.arg1);
            Ok(())
        }
        MmuextCmd::TlbFlushMulti => {
            check_mask(operation.arg2)?;
            types.machine().flush_tlb();
            Ok(())
        }
        MmuextCmd::InvlpgMulti => {
            check_mask(operation.arg2)?;
            control::invalidate_page(operation.arg1);
            Ok(())
        }
        MmuextCmd::FlushCache | MmuextCmd::FlushCacheGlobal => flush_cache(current),
    }
}

fn copy_page(types: &PageTypes<'_, Host>, to: Mfn, from: Mfn, owner: DomId) -> Result<(), Stop> {
    frames::table().get_page(from, owner).ok_or(Errno::Einval)?;
    let result = types.get_writable(to, owner);
    if result.is_ok() {
        types.machine().copy_frame(from, to);
        types.put_writable(to);
    }
    types.put_page(from);
    result
}

/// Loads another root for the guest's kernel, in which the caller is.
pub fn new_kernel_root(
    current: &Current,
    types: &PageTypes<'_, Host>,
    mfn: Mfn,
) -> Result<(), Stop> {
    let vcpu = current.vcpu();
    types.get_root(mfn, current.domain().id)?;
    let old = vcpu.kernel_root.get();
    address_space::set_kernel_root(vcpu, mfn);
    address_space::load(vcpu);
    if let Some(old) = old {
        types.put_page_and_type(old);
    }
    Ok(())
}

/// Sets the root for the guest's user mode; frame 0 is none.
fn new_user_root(current: &Current, types: &PageTypes<'_, Host>, mfn: Mfn) -> Result<(), Stop> {
    let vcpu = current.vcpu();
    let new = if mfn.get() == 0 {
        None
    } else {
        types.get_root(mfn, current.domain().id)?;
        Some(mfn)
    };
    let old = vcpu.user_root.get();
    address_space::set_user_root(vcpu, new);
    if let Some(old) = old {
        types.put_page_and_type(old);
    }
    Ok(())
}

/// A mask of vCPUs must be readable; the only vCPU is flushed whatever it says.
fn check_mask(address: u64) -> Result<(), Errno> {
    GuestPtr::<u8>::new(address).read().map(|_| ()).map_err(|_| Errno::Einval)
}

fn flush_cache(current: &Current) -> Result<(), Stop> {
    if *current.domain().io.lock() == IoPermissions::None {
        return Err(Errno::Eacces.into());
    }
    control::write_back_caches();
    Ok(())
}
