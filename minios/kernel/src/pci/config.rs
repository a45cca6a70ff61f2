// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration space by I/O ports (mechanism 1, PCI 3.0, 3.2.2.3.2). The hypervisor emulates
//! the accesses of a domain that may make them.

use core::arch::asm;
use core::fmt;

/// The port that takes a register's address.
const ADDRESS: u16 = 0xcf8;
/// The port behind which the register is then.
const DATA: u16 = 0xcfc;

/// Where a function is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) bus: u8,
    /// Device number in the upper 5 bits, function number in the lower 3.
    pub(crate) devfn: u8,
}

impl Location {
    /// Reads the four bytes from `register` on, which is aligned.
    pub(crate) fn read(self, register: u8) -> u32 {
        self.select(register);
        in32(DATA)
    }

    /// Reads two bytes.
    pub(crate) fn read_u16(self, register: u8) -> u16 {
        let [a, b, c, d] = self.read(register & !3).to_le_bytes();
        u16::from_le_bytes(if register & 2 == 0 { [a, b] } else { [c, d] })
    }

    /// Reads one byte.
    pub(crate) fn read_u8(self, register: u8) -> u8 {
        self.read(register & !3).to_le_bytes()[usize::from(register & 3)]
    }

    /// Writes the two bytes from `register` on, which is aligned.
    pub(crate) fn write_u16(self, register: u8, value: u16) {
        self.select(register);
        out16(DATA + u16::from(register & 2), value);
    }

    fn select(self, register: u8) {
        let address = u32::from_be_bytes([0x80, self.bus, self.devfn, register & !3]);
        out32(ADDRESS, address);
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.devfn >> 3, self.devfn & 7)
    }
}

fn in32(port: u16) -> u32 {
    let value;
    // SAFETY: the two ports only reach configuration space; reading that changes nothing.
    unsafe {
        asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags));
    }
    value
}

fn out16(port: u16, value: u16) {
    // SAFETY: as above; this crate writes only what lets a device use memory that was given to it.
    unsafe {
        asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack, preserves_flags));
    }
}

fn out32(port: u16, value: u32) {
    // SAFETY: as above; the port that takes an address.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags));
    }
}
