// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PCI function: its identity, capabilities and memory regions.

use alloc::vec::Vec;

use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, PAGE_SIZE};
use xen_abi::physdev::PciDeviceAdd;

use super::config::Location;
use crate::hypercall::physdev;
use crate::is_initial_domain;
use crate::memory::{SharedPages, map_mmio};

// Registers (PCI 3.0, 6.1).
const ID: u8 = 0x00;
const COMMAND: u8 = 0x04;
const STATUS: u8 = 0x06;
const CLASS: u8 = 0x08;
const HEADER_TYPE: u8 = 0x0e;
const BAR0: u8 = 0x10;
const SECONDARY_BUS: u8 = 0x19;
const CAPABILITIES: u8 = 0x34;
const INTERRUPT_LINE: u8 = 0x3c;

const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_NO_INTX: u16 = 1 << 10;
const STATUS_CAPABILITIES: u16 = 1 << 4;
const CLASS_BRIDGE: u16 = 0x0604;
const NO_DEVICE: u16 = 0xffff;

/// A chain of capabilities is no longer than configuration space has room for.
const MAX_CAPABILITIES: usize = 48;

/// A function of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) location: Location,
    pub(crate) vendor: u16,
    pub(crate) device: u16,
}

/// All functions that there are.
///
/// # Errors
/// `EPERM` if this is not the first domain, which has the devices.
pub(crate) fn functions() -> Result<Vec<Function>, Errno> {
    if !is_initial_domain() {
        return Err(Errno::Eperm);
    }
    // Without the privilege the ports below are a fault.
    physdev::set_iopl(1)?;
    let mut found = Vec::new();
    let mut buses = alloc::vec![0];
    let mut next = 0;
    while let Some(&bus) = buses.get(next) {
        next += 1;
        for function in functions_on(bus) {
            let secondary = function.location.read_u8(SECONDARY_BUS);
            if function.is_bridge() && !buses.contains(&secondary) {
                buses.push(secondary);
            }
            found.push(function);
        }
    }
    Ok(found)
}

fn functions_on(bus: u8) -> impl Iterator<Item = Function> {
    (0..32).flat_map(move |device| {
        let first = Function::at(Location { bus, devfn: device << 3 });
        let multiple = first.is_some_and(|first| first.location.read_u8(HEADER_TYPE) & 0x80 != 0);
        let others = if multiple { 1..8 } else { 0..0 };
        let at = move |function| Function::at(Location { bus, devfn: device << 3 | function });
        first.into_iter().chain(others.filter_map(at))
    })
}

impl Function {
    fn at(location: Location) -> Option<Self> {
        let [a, b, c, d] = location.read(ID).to_le_bytes();
        let vendor = u16::from_le_bytes([a, b]);
        (vendor != NO_DEVICE).then_some(Self {
            location,
            vendor,
            device: u16::from_le_bytes([c, d]),
        })
    }

    fn is_bridge(&self) -> bool {
        self.location.read_u16(CLASS + 2) == CLASS_BRIDGE
    }

    /// Tells the hypervisor of the device, and lets it answer at its memory regions and reach
    /// memory by itself.
    pub(crate) fn enable(&self) -> Result<(), Errno> {
        let Location { bus, devfn } = self.location;
        match physdev::pci_device_add(PciDeviceAdd { bus, devfn, ..PciDeviceAdd::default() }) {
            // A hypervisor that does not want to know.
            Ok(()) | Err(Errno::Eexist | Errno::Enosys) => {}
            Err(error) => return Err(error),
        }
        self.change_command(COMMAND_MEMORY | COMMAND_BUS_MASTER);
        Ok(())
    }

    /// Keeps the device from raising its interrupt line, as it uses messages.
    pub(super) fn disable_line(&self) {
        self.change_command(COMMAND_NO_INTX);
    }

    fn change_command(&self, set: u16) {
        let command = self.location.read_u16(COMMAND);
        self.location.write_u16(COMMAND, command | set);
    }

    /// The interrupt line, as the firmware routed it.
    pub(super) fn interrupt_line(&self) -> u8 {
        self.location.read_u8(INTERRUPT_LINE)
    }

    /// Where the capabilities with this number are in configuration space.
    pub(crate) fn capabilities(&self, id: u8) -> impl Iterator<Item = u8> {
        let location = self.location;
        let has = location.read_u16(STATUS) & STATUS_CAPABILITIES != 0;
        let first = if has { location.read_u8(CAPABILITIES) & !3 } else { 0 };
        let follow = move |at: &u8| Some(location.read_u8(at + 1) & !3);
        core::iter::successors(Some(first), follow)
            .take_while(|at| *at >= 0x40)
            .take(MAX_CAPABILITIES)
            .filter(move |at| location.read_u8(*at) == id)
    }

    /// Where a memory region starts that the firmware placed.
    pub(crate) fn region(&self, bar: u8) -> Result<Maddr, Errno> {
        if bar > 5 {
            return Err(Errno::Enodev);
        }
        let low = self.location.read(BAR0 + 4 * bar);
        let kind = low & 7;
        let high = match kind {
            0 => 0,
            4 if bar < 5 => self.location.read(BAR0 + 4 * (bar + 1)),
            _ => return Err(Errno::Enodev),
        };
        let start = u64::from(high) << 32 | u64::from(low & !0xf);
        if start == 0 { Err(Errno::Enodev) } else { Ok(Maddr::new(start)) }
    }

    /// Maps `len` bytes at `offset` of a memory region.
    pub(crate) fn map(&self, bar: u8, offset: u32, len: u32) -> Result<Registers, Errno> {
        let at = self.region(bar)?.get().checked_add(offset.into()).map(Maddr::new);
        let at = at.ok_or(Errno::Einval)?;
        let start = usize::try_from(at.offset()).map_err(|_| Errno::Einval)?;
        let len = len as usize;
        let mapping = map_mmio(at.mfn().maddr(), (start + len).div_ceil(PAGE_SIZE))?;
        Ok(Registers { mapping, start, len })
    }
}

/// Registers of a device in memory.
#[derive(Debug)]
pub(crate) struct Registers {
    mapping: SharedPages,
    start: usize,
    len: usize,
}

impl Registers {
    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn read_u8(&self, offset: usize) -> u8 {
        self.mapping.load_u8(self.start + offset)
    }

    pub(crate) fn read_u16(&self, offset: usize) -> u16 {
        self.mapping.load_u16(self.start + offset)
    }

    pub(crate) fn read_u32(&self, offset: usize) -> u32 {
        self.mapping.load_u32(self.start + offset)
    }

    pub(crate) fn write_u8(&self, offset: usize, value: u8) {
        self.mapping.store_u8(self.start + offset, value);
    }

    pub(crate) fn write_u16(&self, offset: usize, value: u16) {
        self.mapping.store_u16(self.start + offset, value);
    }

    pub(crate) fn write_u32(&self, offset: usize, value: u32) {
        self.mapping.store_u32(self.start + offset, value);
    }
}
