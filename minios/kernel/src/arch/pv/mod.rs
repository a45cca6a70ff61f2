// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PV guest: ring 3, machine frames, everything privileged by hypercall.
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, Pfn};
use xen_abi::mmu::{M2P_VIRT_START, MmuUpdate, Pte, PteFlags};
use xen_abi::start_info::StartInfo;

use super::platform::{GuestType, Platform};
use super::{shared_info, size, vcpu_info};
use crate::hypercall::{mmu, sched};
use crate::memory::{self, BootMemory, READ_ONLY, READ_WRITE};
use crate::start_info::{self, start_info};
use crate::suspend::Outcome;
use crate::{boot, grant_table};

mod memory_map;
mod suspend;
mod traps;

/// The end of the page that the builder gave us as stack.
static BUILDER_STACK: AtomicU64 = AtomicU64::new(0);

/// Where start_info is.
static START_INFO_PAGE: AtomicUsize = AtomicUsize::new(0);

fn start_info_page() -> usize {
    START_INFO_PAGE.load(Ordering::Relaxed)
}

/// Called by arch/pv/entry.S on our own stack.
///
/// `start_info` is the page in rsi, `builder_stack` the end of the stack page the builder made.
#[unsafe(no_mangle)]
extern "C" fn minios_boot_pv(start_info: *const StartInfo, builder_stack: u64) -> ! {
    BUILDER_STACK.store(builder_stack, Ordering::Relaxed);
    START_INFO_PAGE.store(start_info.addr(), Ordering::Relaxed);
    // SAFETY: the builder maps the page for good, and nothing writes it while it is copied.
    start_info::set(unsafe { &*start_info });
    boot::boot(&Pv)
}

struct Pv;

impl Platform for Pv {
    fn guest_type(&self) -> GuestType {
        GuestType::Pv
    }

    fn map_shared_info(&self) {
        let va = core::ptr::from_ref(shared_info()).addr() as u64;
        let entry = Pte::new(start_info().shared_info.mfn(), READ_WRITE);
        mmu::update_va_mapping(va, entry).expect("the builder named our shared info");
    }

    fn init_traps(&self) {
        traps::init();
    }

    fn init_memory(&self) -> BootMemory {
        memory_map::init(BUILDER_STACK.load(Ordering::Relaxed))
    }

    fn mfn_to_pfn(&self, mfn: Mfn) -> Pfn {
        let entry = M2P_VIRT_START + mfn.get() * 8;
        let entry = core::ptr::with_exposed_provenance::<u64>(size(entry));
        // SAFETY: the table is mapped for every frame that a page table or start_info of ours
        // names.
        Pfn::new(unsafe { entry.read_volatile() })
    }

    fn write_entries(&self, updates: &[MmuUpdate], owner: DomId) -> Result<(), Errno> {
        mmu::mmu_update(updates, owner)
    }

    /// The hypervisor accepts a page as a table only if nothing maps it writable.
    fn seal_table(&self, page: u64) -> Result<(), Errno> {
        mmu::update_va_mapping(page, Pte::new(memory::virt_to_mfn(size(page)), READ_ONLY))
    }

    fn flush_tlb(&self) {
        mmu::flush_tlb();
    }

    /// The hypervisor writes the entry of the address itself, into a table that must be there.
    fn window(&self, va: u64, _: PteFlags) -> Result<u64, Errno> {
        memory::slot_for(va).map(|_| va)
    }

    fn map_grant_table_frame(&self, index: u32, va: u64) -> Result<(), Errno> {
        let frames = grant_table::setup(index + 1)?;
        let frame = frames.last().copied().ok_or(Errno::Einval)?;
        memory::map_pages(va, [frame].into_iter(), READ_WRITE, DomId::SELF)
    }

    fn mask_upcalls(&self) -> bool {
        vcpu_info().evtchn_upcall_mask.swap(1, Ordering::AcqRel) != 0
    }

    fn unmask_upcalls(&self) {
        vcpu_info().evtchn_upcall_mask.store(0, Ordering::Release);
    }

    /// SCHEDOP_block opens the mask; the callback (trap.S) lets it return with the mask closed. It
    /// returns with the mask open if an event was pending before.
    fn sleep(&self) {
        sched::block();
        vcpu_info().evtchn_upcall_mask.store(1, Ordering::Release);
    }

    fn suspend(&self) {
        suspend::suspend();
    }

    fn suspend_record(&self) -> Mfn {
        suspend::record()
    }

    fn resume(&self, outcome: Outcome) {
        suspend::resume(outcome);
    }

    fn fault_address(&self) -> u64 {
        vcpu_info().arch.cr2.load(Ordering::Relaxed)
    }
}
