// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page table updates: our own, inside the crate; those for a domain that is being built, for
//! its builder.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{MmuUpdate, MmuextCmd, MmuextOp, Pte, UVMF_INVLPG};

use crate::arch::hypercall::hypercall;

/// Writes page table entries; `owner` owns the frames that the entries name.
///
/// Not for apps: it can map anything of ours anywhere.
pub(crate) fn mmu_update(updates: &[MmuUpdate], owner: DomId) -> Result<(), Errno> {
    if updates.is_empty() {
        return Ok(());
    }
    let address = updates.as_ptr().expose_provenance() as u64;
    let args = [address, updates.len() as u64, 0, owner.get().into(), 0];
    // SAFETY: reads the slice. Callers change only mappings that nothing uses.
    Errno::from_return(unsafe { hypercall(Hypercall::MmuUpdate, args) }).map(drop)
}

/// Writes the entry of one address and flushes it.
pub(crate) fn update_va_mapping(va: u64, entry: Pte) -> Result<(), Errno> {
    let args = [va, entry.raw(), UVMF_INVLPG, 0, 0];
    // SAFETY: touches no memory by itself. Callers change only mappings that nothing uses.
    Errno::from_return(unsafe { hypercall(Hypercall::UpdateVaMapping, args) }).map(drop)
}

/// Forgets all cached translations.
pub(crate) fn flush_tlb() {
    mmuext(&[MmuextOp::new(MmuextCmd::TlbFlushLocal, 0, 0)], DomId::SELF)
        .expect("a flush of our own is always allowed");
}

fn mmuext(ops: &[MmuextOp], owner: DomId) -> Result<(), Errno> {
    let address = ops.as_ptr().expose_provenance() as u64;
    let args = [address, ops.len() as u64, 0, owner.get().into(), 0];
    // SAFETY: reads the slice; callers make only operations without effect on what we have mapped.
    Errno::from_return(unsafe { hypercall(Hypercall::MmuextOp, args) }).map(drop)
}

/// Pins the top page table of domain `owner`: the hypervisor validates it with all below it.
///
/// ```no_run
/// use minios::{DomId, Mfn, hypercall::mmu};
/// let top = Mfn::new(0x1234);
/// mmu::pin_l4(DomId::new(3), top)?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EINVAL` if it is not a valid table of that domain, `ESRCH`, `EPERM`.
pub fn pin_l4(owner: DomId, table: Mfn) -> Result<(), Errno> {
    mmuext(&[MmuextOp::new(MmuextCmd::PinL4Table, table.get(), 0)], owner)
}

/// Undoes [`pin_l4`].
///
/// # Errors
/// `EINVAL` if the frame is not pinned, `ESRCH`, `EPERM`.
pub fn unpin(owner: DomId, table: Mfn) -> Result<(), Errno> {
    mmuext(&[MmuextOp::new(MmuextCmd::UnpinTable, table.get(), 0)], owner)
}
