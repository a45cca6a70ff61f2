// SPDX-License-Identifier: MIT OR Apache-2.0
//! A suspend of a PV guest, all of whose frames are others afterwards. The toolstack mends what it
//! finds: page tables, the p2m list, start_info. The frames that it has to find are named by page
//! numbers meanwhile, and no frame of the hypervisor's is mapped.
use core::mem::offset_of;
use core::sync::atomic::Ordering;

use xen_abi::frame::{Mfn, PAGE_SHIFT, Pfn};
use xen_abi::mmu::Pte;
use xen_abi::start_info::StartInfo;

use super::{memory_map, start_info_page};
use crate::arch::{shared_info, vcpu_info};
use crate::hypercall::mmu::update_va_mapping;
use crate::memory::{READ_WRITE, SharedPages, own_page, pfn_to_mfn, virt_to_mfn};
use crate::start_info;
use crate::suspend::Outcome;

/// Where start_info names the frames of the rings.
const RINGS: [usize; 2] = [offset_of!(StartInfo, store_mfn), offset_of!(StartInfo, console0)];

/// The frame by which the hypervisor tells the toolstack where start_info is.
pub(super) fn record() -> Mfn {
    virt_to_mfn(start_info_page())
}

/// Ready to be saved.
pub(super) fn suspend() {
    let page = shared_start_info();
    for ring in RINGS {
        let pfn = own_page(Mfn::new(page.load_u64(ring))).addr() >> PAGE_SHIFT;
        page.store_u64(ring, pfn as u64);
    }
    // The page of ours that lies below the hypervisor's.
    map_over_shared_info(virt_to_mfn(shared_info_page()));
}

/// Running again.
pub(super) fn resume(outcome: Outcome) {
    let page = shared_start_info();
    if outcome == Outcome::Cancelled {
        for ring in RINGS {
            let mfn = pfn_to_mfn(Pfn::new(page.load_u64(ring))).expect("the page of a ring");
            page.store_u64(ring, mfn.get());
        }
    }
    let info: StartInfo = page.read_value(0);
    map_over_shared_info(info.shared_info.mfn());
    vcpu_info().evtchn_upcall_mask.store(1, Ordering::Release);
    if outcome == Outcome::Restored {
        memory_map::resume();
        start_info::set_ports(info.store_evtchn, info.console_evtchn());
    }
}

fn shared_start_info() -> SharedPages {
    SharedPages::from_builder(record())
}

fn shared_info_page() -> usize {
    core::ptr::from_ref(shared_info()).addr()
}

fn map_over_shared_info(frame: Mfn) {
    update_va_mapping(shared_info_page() as u64, Pte::new(frame, READ_WRITE))
        .expect("the frame is ours to map");
}
