// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking stac and clac out of the image on a CPU that does not have them.
use crate::arch::cpu;
use crate::memory::direct_map;
use crate::memory::layout::IMAGE;
use xen_abi::frame::Maddr;

unsafe extern "C" {
    static smap_sites_start: u64;
    static smap_sites_end: u64;
}

/// Overwrites every stac and clac of the assembly by a nop of the same length.
pub fn patch() {
    const NOP3: [u8; 3] = [0x0f, 0x1f, 0x00];
    if cpu::features().smap {
        return;
    }
    let (mut site, end) = (&raw const smap_sites_start, &raw const smap_sites_end);
    while site < end {
        // SAFETY: the linker script puts a table of addresses between the two symbols.
        let address = unsafe { site.read() };
        let text: *mut [u8; 3] = direct_map::pointer(Maddr::new(address - IMAGE));
        // SAFETY: the address is that of a 3-byte instruction, and no other CPU runs yet.
        unsafe { text.write(NOP3) }
        // SAFETY: stays within the table or reaches its end.
        site = unsafe { site.add(1) };
    }
}
