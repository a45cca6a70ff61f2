// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI configuration space by the ports 0xcf8 and 0xcfc.
use super::port::{in16, in32, out16, out32};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
const STATUS: u8 = 0x06;
const STATUS_HAS_CAPABILITIES: u16 = 1 << 4;
const FIRST_BAR: u8 = 0x10;
const CAPABILITIES: u8 = 0x34;
/// More capabilities than fit in the space mean a loop.
const MAX_CAPABILITIES: usize = 48;

/// Bus, device and function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The bus.
    pub bus: u8,
    /// The device in the upper five bits, the function in the lower three.
    pub devfn: u8,
}

/// Selects the register, with the guest's own selection put back by `access` ending.
fn select<T>(device: Device, register: u8, access: impl FnOnce(u16) -> T) -> T {
    let before = in32(ADDRESS);
    let bus_and_function = u32::from(device.bus) << 16 | u32::from(device.devfn) << 8;
    out32(ADDRESS, ENABLE | bus_and_function | u32::from(register & !3));
    let result = access(DATA + u16::from(register & 3));
    out32(ADDRESS, before);
    result
}

/// Reads 16 bits.
pub fn read16(device: Device, register: u8) -> u16 {
    select(device, register & !1, in16)
}

/// Reads 32 bits.
pub fn read32(device: Device, register: u8) -> u32 {
    select(device, register & !3, in32)
}

/// Writes 16 bits.
pub fn write16(device: Device, register: u8, value: u16) {
    select(device, register & !1, |port| out16(port, value));
}

/// The register where the capability `id` begins.
pub fn capability(device: Device, id: u8) -> Option<u8> {
    let status = read16(device, STATUS);
    if status == u16::MAX || status & STATUS_HAS_CAPABILITIES == 0 {
        return None;
    }
    let mut at = read16(device, CAPABILITIES).to_le_bytes()[0] & !3;
    for _ in 0..MAX_CAPABILITIES {
        if at < 0x40 {
            return None;
        }
        let [found, next] = read16(device, at).to_le_bytes();
        if found == id {
            return Some(at);
        }
        at = next & !3;
    }
    None
}

/// The machine address of a memory BAR, 0 to 5.
pub fn memory_bar(device: Device, bar: u8) -> Option<u64> {
    const IO_SPACE: u32 = 1;
    const TYPE_64: u32 = 2 << 1;
    let register = FIRST_BAR + 4 * (bar < 6).then_some(bar)?;
    let low = read32(device, register);
    if low & IO_SPACE != 0 {
        return None;
    }
    let high = if low & 6 == TYPE_64 { read32(device, register + 4) } else { 0 };
    Some(u64::from(high) << 32 | u64::from(low & !15))
}
