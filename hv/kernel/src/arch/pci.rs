// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI configuration space by the ports 0xcf8 and 0xcfc.
use hv_core::pci::{ConfigSpace, has_more_functions, is_bridge, secondary_bus};

use super::port::{in32, out16, out32};

/// The port that takes a register's address.
pub const ADDRESS: u16 = 0xcf8;
/// The port behind which the register is then, four bytes wide.
pub const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;

/// Bus, device and function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The bus.
    pub bus: u8,
    /// The device in the upper five bits, the function in the lower three.
    pub devfn: u8,
}

impl Function {
    /// The function and the register that a value of the address port selects; `None` if it
    /// selects none.
    pub fn selected_by(address: u32) -> Option<(Self, u8)> {
        let [register, devfn, bus, _] = address.to_le_bytes();
        (address & ENABLE != 0).then_some((Self { bus, devfn }, register & !3))
    }

    /// Makes the data port lead to `register`.
    pub fn select(self, register: u8) {
        let function = u32::from(self.bus) << 16 | u32::from(self.devfn) << 8;
        out32(ADDRESS, ENABLE | function | u32::from(register & !3));
    }

    /// Writes 16 bits.
    pub fn write16(self, register: u8, value: u16) {
        self.select(register);
        out16(DATA + u16::from(register & 2), value);
    }

    /// Whether there is such a function; only the first of a device says whether there are others.
    fn exists(self) -> bool {
        let first = Self { devfn: self.devfn & !7, ..self };
        let is_there = |function: Self| function.read(0) & 0xffff != 0xffff;
        let may_be = self == first || (is_there(first) && has_more_functions(&first));
        may_be && is_there(self)
    }
}

impl ConfigSpace for Function {
    fn read(&self, register: u8) -> u32 {
        self.select(register);
        in32(DATA)
    }

    fn write(&self, register: u8, value: u32) {
        self.select(register);
        out32(DATA, value);
    }
}

/// Calls `look` for every function there is, on the first bus and behind bridges, whose buses the
/// firmware has numbered upwards.
pub fn for_each_function(mut look: impl FnMut(Function)) {
    let mut has_bus = [false; 256];
    has_bus[0] = true;
    for bus in 0..=255 {
        if !has_bus[usize::from(bus)] {
            continue;
        }
        for function in (0..=255).map(|devfn| Function { bus, devfn }).filter(|it| it.exists()) {
            if is_bridge(&function) {
                has_bus[usize::from(secondary_bus(&function))] = true;
            }
            look(function);
        }
    }
}
