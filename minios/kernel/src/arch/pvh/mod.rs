// SPDX-License-Identifier: MIT OR Apache-2.0
//! The PVH guest: ring 0 of a virtual machine, our own page tables and descriptors.
use core::arch::asm;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SHIFT, Pfn};
use xen_abi::memory::PhysmapSpace;
use xen_abi::mmu::{MmuUpdate, Pte, PteFlags};

use super::platform::{GuestType, Platform};
use super::shared_info;
use crate::boot;
use crate::hypercall::memory_op::add_to_physmap;
use crate::memory::{BootMemory, READ_WRITE};
use crate::suspend::Outcome;

mod descriptors;
mod events;
mod hypervisor;
mod memory_map;
mod start_info;

/// Called by arch/pvh/entry.S on our own stack; `start_info` is the physical address of the struct.
#[unsafe(no_mangle)]
extern "C" fn minios_boot_pvh(start_info: u64) -> ! {
    hypervisor::init();
    start_info::init(start_info);
    boot::boot(&Pvh)
}

struct Pvh;

impl Platform for Pvh {
    fn guest_type(&self) -> GuestType {
        GuestType::Pvh
    }

    fn map_shared_info(&self) {
        let page = core::ptr::from_ref(shared_info()).addr() as u64 >> PAGE_SHIFT;
        // SAFETY: the page holds nothing yet; what it gets consists of atomics.
        unsafe { add_to_physmap(PhysmapSpace::SharedInfo, 0, Pfn::new(page)) }
            .expect("every domain has a shared info page");
    }

    fn init_traps(&self) {
        descriptors::init();
        events::init();
    }

    fn init_memory(&self) -> BootMemory {
        memory_map::init()
    }

    fn mfn_to_pfn(&self, mfn: Mfn) -> Pfn {
        Pfn::new(mfn.get())
    }

    /// Frames of other domains have no place in our physical memory: only grants can be mapped.
    fn write_entries(&self, updates: &[MmuUpdate], owner: DomId) -> Result<(), Errno> {
        if owner != DomId::SELF {
            return Err(Errno::Eopnotsupp);
        }
        for update in updates {
            memory_map::write_entry(update.addr(), Pte::from_raw(update.val));
        }
        Ok(())
    }

    fn seal_table(&self, _: u64) -> Result<(), Errno> {
        Ok(())
    }

    fn flush_tlb(&self) {
        memory_map::load_root();
    }

    fn window(&self, va: u64, flags: PteFlags) -> Result<u64, Errno> {
        memory_map::window(va, flags)
    }

    fn map_grant_table_frame(&self, index: u32, va: u64) -> Result<(), Errno> {
        let at = Pfn::new(self.window(va, READ_WRITE)? >> PAGE_SHIFT);
        // SAFETY: the place is behind our memory, and reserved for this.
        unsafe { add_to_physmap(PhysmapSpace::GrantTable, index.into(), at) }
    }

    fn mask_upcalls(&self) -> bool {
        events::mask()
    }

    fn unmask_upcalls(&self) {
        events::unmask();
    }

    fn sleep(&self) {
        events::sleep();
    }

    fn suspend(&self) {}

    fn suspend_record(&self) -> Mfn {
        Mfn::new(0)
    }

    fn resume(&self, outcome: Outcome) {
        if outcome == Outcome::Restored {
            self.map_shared_info();
            events::init();
            start_info::read_ports();
        }
    }

    fn fault_address(&self) -> u64 {
        let address: u64;
        // SAFETY: reads a register.
        unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
        address
    }
}
