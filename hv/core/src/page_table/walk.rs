// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the entry that maps an address.
use xen_abi::frame::{Maddr, Mfn, VirtAddr};

use super::{Entry, Level};
use crate::frame_memory::FrameMemory;
use crate::guest_range::is_guest_address;

/// The address of entry `slot` (0 to 511) of a table.
#[must_use]
pub const fn entry_at(table: Mfn, slot: u64) -> Maddr {
    Maddr::new(table.maddr().get() | ((slot & 0x1ff) << 3))
}

/// The address of the L1 entry for `address` under the validated root `root`; `None` where there
/// is no L1 table, or the address is not the guest's.
#[must_use]
pub fn l1_entry<M: FrameMemory>(memory: &M, root: Mfn, address: VirtAddr) -> Option<Maddr> {
    if !is_guest_address(address.get()) {
        return None;
    }
    let mut table = root;
    for level in [Level::L4, Level::L3, Level::L2] {
        let entry = memory.read_u64(entry_at(table, level.slot(address.get())));
        let entry = Entry::new(entry);
        if !entry.is_present() {
            return None;
        }
        table = entry.mfn();
    }
    Some(entry_at(table, Level::L1.slot(address.get())))
}
