// SPDX-License-Identifier: MIT OR Apache-2.0
//! Message signalled interrupts of PCI devices. The hypervisor alone writes messages: who writes
//! one can raise any vector.
use core::ptr;

use hv_core::pci::ConfigSpace;
use hv_core::pci::msix::{ENTRY_BYTES, Msix};
use spin::Mutex;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, PAGE_SIZE};

use crate::arch::lapic;
use crate::arch::pci::Function;
use crate::io_permissions::IoPermissions;
use crate::memory::{fixed_map, frames};

pub mod tables;

/// Offset of the control word in the capability, and its bits.
const CONTROL: u8 = 2;
const CONTROL_ENABLE: u16 = 1 << 15;
const CONTROL_MASK_ALL: u16 = 1 << 14;
/// Offsets in a table entry.
const ENTRY_DATA: u64 = 8;
const ENTRY_MASK: u64 = 12;
const MASKED: u32 = 1;
/// Where messages for local APICs go.
const MESSAGE_BASE: u32 = 0xfee0_0000;

/// One entry of a device's MSI-X table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where the hypervisor sees the entry.
    at: u64,
}

/// Serialises the change of a device's control word.
static CONTROL_LOCK: Mutex<()> = Mutex::new(());

impl Message {
    /// Entry `entry` of the device's table, which the caller says is at `table_base`. `ENODEV` for
    /// a device without MSI-X, `EINVAL` for an entry or a table that it does not have.
    pub fn find(function: Function, entry: u32, table_base: Maddr) -> Result<Self, Errno> {
        let msix = tables::find(function).ok_or(Errno::Enodev)?;
        let entry = u16::try_from(entry).ok().filter(|entry| *entry < msix.entries);
        let entry = entry.ok_or(Errno::Einval)?;
        if table_base != msix.table && table_base != msix.base {
            return Err(Errno::Einval);
        }
        enable(function, msix)?;
        Self::at(msix, entry)
    }

    fn at(msix: &Msix, entry: u16) -> Result<Self, Errno> {
        let address = u64::from(entry).wrapping_mul(ENTRY_BYTES).checked_add(msix.table.get());
        let address = Maddr::new(address.ok_or(Errno::Einval)?);
        // The firmware may have put the table anywhere: over the interrupt controllers.
        let frame = address.mfn();
        if !frames::table().is_io(frame) || !IoPermissions::Hardware.allows_frame(frame) {
            return Err(Errno::Einval);
        }
        let page = fixed_map::map_device(frame).ok_or(Errno::Enomem)?;
        Ok(Self { at: page.wrapping_add(address.offset() % PAGE_SIZE as u64) })
    }

    /// Sends the message to `vector` of this pCPU, masked.
    pub fn route(&self, vector: u8) {
        self.set_masked(true);
        self.write(0, MESSAGE_BASE | lapic::id() << 12);
        self.write(4, 0);
        self.write(ENTRY_DATA, u32::from(vector));
    }

    /// Masks or unmasks the entry.
    pub fn set_masked(&self, masked: bool) {
        self.write(ENTRY_MASK, if masked { MASKED } else { 0 });
    }

    /// The entry is not used any more.
    pub fn release(&self) {
        self.set_masked(true);
        self.write(ENTRY_DATA, 0);
    }

    fn write(&self, offset: u64, value: u32) {
        let register = self.at.wrapping_add(offset) as *mut u32;
        // SAFETY: `at` mapped the page of the entry, uncached.
        unsafe { ptr::write_volatile(register, value) }
    }
}

/// Turns MSI-X on, with all entries under the control of their own mask bits.
fn enable(function: Function, msix: &Msix) -> Result<(), Errno> {
    let _serial = CONTROL_LOCK.lock();
    let [_, _, low, high] = function.read(msix.capability).to_le_bytes();
    let control = u16::from_le_bytes([low, high]);
    if control & CONTROL_ENABLE == 0 {
        // Nobody knows what the entries hold that nobody has asked for.
        for entry in 0..msix.entries {
            Message::at(msix, entry)?.set_masked(true);
        }
    }
    if control & (CONTROL_ENABLE | CONTROL_MASK_ALL) != CONTROL_ENABLE {
        let at = msix.capability.wrapping_add(CONTROL);
        function.write16(at, control & !CONTROL_MASK_ALL | CONTROL_ENABLE);
    }
    Ok(())
}
