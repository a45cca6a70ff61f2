// SPDX-License-Identifier: MIT OR Apache-2.0
//! What hv-core's page type rules need of the machine.
use core::sync::atomic::{AtomicU32, Ordering};

use hv_core::frame_memory::FrameMemory;
use hv_core::frame_table::FrameTable;
use hv_core::page_info::State;
use hv_core::page_table::HYPERVISOR_FIRST_SLOT;
use hv_core::page_type::Machine;
use xen_abi::domain::DomId;
use xen_abi::frame::{INVALID_M2P_ENTRY, Maddr, Mfn, Pfn};

use crate::arch::control;
use crate::domain;
use crate::io_permissions::{self, IoPermissions};
use crate::life;
use crate::memory::direct_map::DirectMap;
use crate::memory::frames;

static FLUSHES: AtomicU32 = AtomicU32::new(1);

/// The machine that ring 0 runs on.
#[derive(Clone, Copy)]
pub struct Host;

impl FrameMemory for Host {
    fn read_u64(&self, at: Maddr) -> u64 {
        DirectMap.read_u64(at)
    }

    fn write_u64(&self, at: Maddr, value: u64) {
        DirectMap.write_u64(at, value);
    }

    fn compare_exchange_u64(&self, at: Maddr, current: u64, new: u64) -> Result<(), u64> {
        DirectMap.compare_exchange_u64(at, current, new)
    }

    fn zero_frame(&self, frame: Mfn) {
        DirectMap.zero_frame(frame);
    }

    fn copy_frame(&self, from: Mfn, to: Mfn) {
        DirectMap.copy_frame(from, to);
    }
}

/// The entry of an L4 through which a guest sees the M2P.
pub fn m2p_entry() -> u64 {
    own_entry(HYPERVISOR_FIRST_SLOT)
}

/// An entry of the hypervisor's own L4.
fn own_entry(slot: u64) -> u64 {
    let root = frames::frames().root.maddr().get();
    DirectMap.read_u64(Maddr::new(root + slot * 8))
}

impl Machine for Host {
    fn frame_table(&self) -> FrameTable<'_> {
        frames::table()
    }

    fn hypervisor_entry(&self, slot: u64) -> u64 {
        assert!(slot >= HYPERVISOR_FIRST_SLOT, "a slot of the guest");
        // The M2P is there while a kernel uses the L4.
        if slot == HYPERVISOR_FIRST_SLOT { 0 } else { own_entry(slot) }
    }

    fn io_permitted(&self, domain: DomId, mfn: Mfn) -> bool {
        let domain = domain::find(domain);
        domain.is_some_and(|domain| domain.io.lock().allows_frame(mfn))
    }

    fn io_read_only(&self, mfn: Mfn) -> bool {
        io_permissions::is_read_only(mfn)
    }

    fn cache_control_permitted(&self, domain: DomId) -> bool {
        let domain = domain::find(domain);
        domain.is_some_and(|domain| *domain.io.lock() != IoPermissions::None)
    }

    fn tlb_clock(&self) -> u32 {
        FLUSHES.load(Ordering::Relaxed)
    }

    fn flush_tlb(&self) {
        FLUSHES.fetch_add(1, Ordering::Relaxed);
        control::flush_tlb();
    }

    fn release(&self, owner: DomId, mfn: Mfn) {
        let page = frames::table().frame(mfn);
        let owner = if page.state().is_shared() { None } else { domain::find(owner) };
        if let Some(owner) = &owner {
            owner.pages.lock().list.remove(frames::table(), mfn);
        }
        page.reset_type();
        page.set_state(State::HYPERVISOR);
        frames::set_m2p(mfn, Pfn::new(INVALID_M2P_ENTRY));
        frames::free(mfn, 0);
        if let Some(owner) = owner {
            life::bury(&owner);
        }
    }

    fn push_work(&self, owner: DomId, table: Mfn) {
        if let Some(owner) = domain::find(owner) {
            owner.pages.lock().work.push(frames::table(), table);
        }
    }

    fn pop_work(&self, owner: DomId) -> Option<Mfn> {
        let owner = domain::find(owner)?;
        let pages = owner.pages.lock();
        pages.work.pop(frames::table())
    }
}
