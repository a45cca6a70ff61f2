// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI configuration space as the first domain sees it, by I/O ports.
use core::arch::asm;

use minios::hypercall::physdev;

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;

/// A function on the first bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Device number in the upper 5 bits, function number in the lower 3.
    pub devfn: u8,
}

/// The first function of the first bus that has the capability `id`, and its register.
pub fn find_capability(id: u8) -> Option<(Function, u8)> {
    physdev::set_iopl(1).ok()?;
    (0..=255).map(|devfn| Function { devfn }).find_map(|function| {
        let has_list = function.read(0) != u32::MAX && function.read(4) >> 20 & 1 != 0;
        let first = if has_list { function.read(0x34) } else { 0 };
        let follow = |at: &u32| Some(function.read(at.to_le_bytes()[0]) >> 8);
        let mut list = core::iter::successors(Some(first), follow).map(|at| at.to_le_bytes()[0]);
        list.by_ref()
            .take_while(|at| *at >= 0x40)
            .take(48)
            .find(|at| function.read(*at).to_le_bytes()[0] == id)
            .map(|at| (function, at))
    })
}

impl Function {
    /// Reads the word at `register`.
    #[must_use]
    pub fn read(self, register: u8) -> u32 {
        let port = self.select(register & !3);
        let value;
        // SAFETY: reading configuration space changes nothing.
        unsafe { asm!("in eax, dx", in("dx") port, out("eax") value) };
        value
    }

    /// Writes the word at `register`.
    pub fn write(self, register: u8, value: u32) {
        let port = self.select(register);
        // SAFETY: no driver uses the device.
        unsafe { asm!("out dx, eax", in("dx") port, in("eax") value) };
    }

    /// Writes two bytes.
    pub fn write_u16(self, register: u8, value: u16) {
        let port = self.select(register);
        // SAFETY: as above.
        unsafe { asm!("out dx, ax", in("dx") port, in("ax") value) };
    }

    /// Writes a byte.
    pub fn write_u8(self, register: u8, value: u8) {
        let port = self.select(register);
        // SAFETY: as above.
        unsafe { asm!("out dx, al", in("dx") port, in("al") value) };
    }

    /// Returns the port of the register.
    fn select(self, register: u8) -> u16 {
        let address = u32::from_be_bytes([0x80, 0, self.devfn, register & !3]);
        // SAFETY: the port takes an address.
        unsafe { asm!("out dx, eax", in("dx") ADDRESS, in("eax") address) };
        DATA + u16::from(register & 3)
    }
}
