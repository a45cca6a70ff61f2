// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages of device registers, mapped while the machine runs: the tables of MSI-X.
use hv_core::frame_memory::FrameMemory;
use spin::Mutex;
use xen_abi::frame::{Maddr, Mfn};

use super::direct_map::DirectMap;
use super::frames;
use super::layout::{FIXED_AREA, PAGE_SIZE};
use crate::arch::control;

/// Pages of the area that boot has used (the interrupt controllers).
const FIRST: u64 = 2;
/// Pages of the area, all in one L1 table.
const END: u64 = 64;

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Present, writable, write-through, uncached, accessed, dirty, global, no-execute.
const DEVICE: u64 = 1 << 63 | 0x17b;

static LOCK: Mutex<()> = Mutex::new(());

/// The address where ring 0 sees a frame of device registers. A frame stays mapped; `None` if all
/// pages are in use.
pub fn map_device(frame: Mfn) -> Option<u64> {
    let _serial = LOCK.lock();
    let wanted = frame.maddr().get() | DEVICE;
    for page in FIRST..END {
        let address = FIXED_AREA + page * PAGE_SIZE;
        let at = entry(address);
        match DirectMap.read_u64(at) {
            0 => {
                DirectMap.write_u64(at, wanted);
                control::invalidate_page(address);
                return Some(address);
            }
            found if found & ADDRESS == wanted & ADDRESS => return Some(address),
            _ => {}
        }
    }
    None
}

/// The L1 entry of an address in the area, whose table boot has made.
fn entry(address: u64) -> Maddr {
    let mut table = frames::frames().root.maddr().get();
    for level in (2..=4).rev() {
        table = DirectMap.read_u64(slot(table, address, level)) & ADDRESS;
    }
    slot(table, address, 1)
}

fn slot(table: u64, address: u64, level: u32) -> Maddr {
    let index = address >> (3 + 9 * level) & 511;
    Maddr::new(table + index * 8)
}
