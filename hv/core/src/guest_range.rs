// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where in the address space a guest may have memory.
use xen_abi::mmu::{HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START};

/// First address that is not canonical in the lower half.
pub const LOW_END: u64 = 1 << 47;

const _: () = assert!(LOW_END < HYPERVISOR_VIRT_START);

/// Whether `address` lies in one of the two parts of the address space that belong to a guest.
#[must_use]
pub const fn is_guest_address(address: u64) -> bool {
    address < LOW_END || address >= HYPERVISOR_VIRT_END
}

/// Whether `[address, address + bytes)` lies in one of the two parts of the address space that
/// belong to a guest.
#[must_use]
pub fn is_guest_range(address: u64, bytes: u64) -> bool {
    match LOW_END.checked_sub(address) {
        Some(room) => bytes <= room,
        None => address >= HYPERVISOR_VIRT_END && address.checked_add(bytes).is_some(),
    }
}
