// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two kinds of guest, behind one interface.
//!
//! One image boots as either; the entry point that the builder chooses decides. What differs is
//! here, and in the folders `pv` and `pvh`; all other code is the same for both:
//!
//! | | PV | PVH |
//! |---|---|---|
//! | processor mode | ring 3, the hypervisor owns ring 0 | ring 0 of a virtual machine |
//! | hypercall page | filled by the builder, `syscall` | filled on our demand, `vmcall` or `vmmcall` |
//! | frames in page tables | the machine's; p2m and m2p translate | the guest's own: identity |
//! | page tables | written by hypercall | written |
//! | shared info, grants | mapped by machine frame or address | placed in our physical memory |
//! | upcall mask | a byte that hypervisor and guest share | the interrupt flag |
//! | sleep | SCHEDOP_block | `hlt` |
//! | after a restore | all frames are others | the places in physical memory are empty |
//! | exceptions | bounced by the hypervisor | through our IDT |
use spin::Once;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, Pfn};
use xen_abi::mmu::{MmuUpdate, PteFlags};

use crate::memory::BootMemory;
use crate::suspend::Outcome;

/// What the domain is for the hypervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestType {
    /// Paravirtualized: page tables, exceptions and the clock are the hypervisor's.
    Pv,
    /// In hardware virtualization, with the same hypercalls and devices.
    Pvh,
}

/// In what the kinds of guest differ once they run.
pub(crate) trait Platform: Sync {
    /// Which one this is.
    fn guest_type(&self) -> GuestType;

    /// Puts the hypervisor's page in the place of the one in our image.
    fn map_shared_info(&self);

    /// Registers the entries for exceptions and events.
    fn init_traps(&self);

    /// Maps all of the domain's memory, with the rights it needs; called once.
    fn init_memory(&self) -> BootMemory;

    /// Which of our pages a frame of ours is behind.
    fn mfn_to_pfn(&self, mfn: Mfn) -> Pfn;

    /// Writes page table entries that name frames of `owner`.
    fn write_entries(&self, updates: &[MmuUpdate], owner: DomId) -> Result<(), Errno>;

    /// Prepares a page of ours for use as a page table.
    fn seal_table(&self, page: u64) -> Result<(), Errno>;

    /// Forgets all cached translations.
    fn flush_tlb(&self);

    /// Prepares `va`, a reserved address, for a frame that the hypervisor is about to put there;
    /// gives the address by which hypercalls name the place.
    fn window(&self, va: u64, flags: PteFlags) -> Result<u64, Errno>;

    /// Maps frame `index` of our grant table at `va`, a reserved address.
    fn map_grant_table_frame(&self, index: u32, va: u64) -> Result<(), Errno>;

    /// Masks upcalls; whether they were masked.
    fn mask_upcalls(&self) -> bool;

    /// Lets upcalls come.
    fn unmask_upcalls(&self);

    /// Sleeps until an event is pending. Upcalls are masked before and afterwards.
    fn sleep(&self);

    /// Before the domain is saved: makes it something that a toolstack can save.
    fn suspend(&self);

    /// The frame that the hypervisor is told of with a suspend.
    fn suspend_record(&self) -> Mfn;

    /// After that: has the hypervisor's page and the ports of the rings again.
    fn resume(&self, outcome: Outcome);

    /// The address of the last page fault.
    fn fault_address(&self) -> u64;
}

static PLATFORM: Once<&'static dyn Platform> = Once::new();

/// Remembers which one this is. Called once, first of all.
pub(crate) fn set_platform(platform: &'static dyn Platform) {
    PLATFORM.call_once(|| platform);
}

/// The one that this domain is.
pub(crate) fn platform() -> &'static dyn Platform {
    *PLATFORM.get().expect("boot sets it first")
}

/// What the domain is for the hypervisor: the same image may be either.
///
/// ```no_run
/// log::info!("booted as {:?}", minios::guest_type());
/// ```
#[must_use]
pub fn guest_type() -> GuestType {
    platform().guest_type()
}
