// SPDX-License-Identifier: MIT OR Apache-2.0
//! The window in which the CPU sees the GDT and the LDT of the vCPU that runs: 14 pages of the
//! guest's frames before the hypervisor's own part, and 16 pages for the LDT.
use hv_core::frame_memory::FrameMemory;
use xen_abi::frame::{Maddr, Mfn};

use crate::arch::{control, descriptors};
use crate::current::pcpu;
use crate::memory::direct_map::{self, DirectMap};
use crate::memory::frames::frames;
use crate::memory::layout::{GDT_WINDOW_PAGE, LDT_WINDOW_PAGE, PAGE_SIZE, PCPU_AREA};
use crate::run_cell::RunCell;
use crate::vcpu::Vcpu;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USED: u64 = 3 << 5;
const NO_EXECUTE: u64 = 1 << 63;
const LDT_PAGES: usize = 16;

/// Whether the windows show frames of a guest, so that an empty table costs nothing at a switch.
static SHOWN: RunCell<[bool; 2]> = RunCell::new([false; 2]);

/// Shows the tables of `vcpu`, which is about to run.
pub fn load(vcpu: &Vcpu) {
    let gdt = vcpu.gdt.get();
    let [gdt_shown, ldt_shown] = SHOWN.get();
    let has_gdt = gdt.entries > 0;
    if gdt_shown || has_gdt {
        for (page, frame) in (GDT_WINDOW_PAGE..).zip(gdt.frames) {
            show(page, frame);
        }
    }
    let has_ldt = load_ldt(vcpu, ldt_shown);
    SHOWN.set([has_gdt, has_ldt]);
}

/// Shows the guest's LDT; its frames were checked and counted when it was set.
fn load_ldt(vcpu: &Vcpu, shown: bool) -> bool {
    let ldt = vcpu.ldt.get();
    if ldt.entries == 0 {
        if shown {
            (LDT_WINDOW_PAGE..LDT_WINDOW_PAGE + LDT_PAGES).for_each(|page| show(page, None));
        }
        descriptors::load_ldt(false);
        return false;
    }
    for (page, frame) in (LDT_WINDOW_PAGE..).zip(ldt.frames) {
        show(page, frame);
    }
    write_ldt_descriptor(ldt.entries);
    descriptors::load_ldt(true);
    true
}

fn write_ldt_descriptor(entries: u32) {
    let part: *mut [u64; 2] = direct_map::pointer(Maddr::new(
        pcpu().own_gdt.get().maddr().get() + descriptors::LDT_INDEX as u64 * 8,
    ));
    // SAFETY: the frame is the pCPU's own part of the GDT.
    unsafe { part.write(descriptors::ldt_descriptor(entries)) }
}

/// Shows `frame`, or the page of zeros, at a page of the window. Descriptors have their accessed
/// bit set by the CPU, so the page is writable for ring 0.
fn show(page: usize, frame: Option<Mfn>) {
    let value = match frame {
        Some(frame) => frame.maddr().get() | PRESENT | WRITABLE | USED | NO_EXECUTE,
        None => frames().zero.maddr().get() | PRESENT | USED | NO_EXECUTE,
    };
    let entry = Maddr::new(frames().pcpu_table.maddr().get() + page as u64 * 8);
    if DirectMap.read_u64(entry) != value {
        DirectMap.write_u64(entry, value);
        control::invalidate_page(PCPU_AREA + page as u64 * PAGE_SIZE);
    }
}
