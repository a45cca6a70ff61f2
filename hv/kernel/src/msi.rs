// SPDX-License-Identifier: MIT OR Apache-2.0
//! Message signalled interrupts of PCI devices. The hypervisor alone writes messages: who writes
//! one can raise any vector.
use core::ptr;

use spin::Mutex;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, PAGE_SIZE};

use crate::arch::{lapic, pci};
use crate::io_permissions::IoPermissions;
use crate::memory::{fixed_map, frames};

const CAPABILITY_MSIX: u8 = 0x11;
/// Offsets in the MSI-X capability.
const CONTROL: u8 = 2;
const TABLE: u8 = 4;
/// Bits of the control word.
const CONTROL_ENABLE: u16 = 1 << 15;
const CONTROL_MASK_ALL: u16 = 1 << 14;
const CONTROL_SIZE: u16 = 0x7ff;
/// Bytes of a table entry, and offsets in it.
const ENTRY: u64 = 16;
const ENTRY_DATA: u64 = 8;
const ENTRY_MASK: u64 = 12;
const MASKED: u32 = 1;
/// Where messages for local APICs go.
const MESSAGE_BASE: u32 = 0xfee0_0000;

/// One entry of a device's MSI-X table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    device: pci::Device,
    capability: u8,
    /// Where the hypervisor sees the entry.
    at: u64,
}

/// Serialises the change of a device's control word.
static CONTROL_LOCK: Mutex<()> = Mutex::new(());

impl Message {
    /// Entry `entry` of the device's table, which the caller says is at `table_base`. `ENODEV` for
    /// a device without MSI-X, `EINVAL` for an entry or a table that it does not have.
    pub fn find(device: pci::Device, entry: u32, table_base: Maddr) -> Result<Self, Errno> {
        let capability = pci::capability(device, CAPABILITY_MSIX).ok_or(Errno::Enodev)?;
        let control = pci::read16(device, capability.wrapping_add(CONTROL));
        let table = pci::read32(device, capability.wrapping_add(TABLE));
        if entry > u32::from(control & CONTROL_SIZE) {
            return Err(Errno::Einval);
        }
        let [bar, ..] = (table & 7).to_le_bytes();
        let base = pci::memory_bar(device, bar).ok_or(Errno::Einval)?;
        let start = base.checked_add(u64::from(table & !7)).ok_or(Errno::Einval)?;
        if start != table_base.get() && base != table_base.get() {
            return Err(Errno::Einval);
        }
        let address =
            start.checked_add(u64::from(entry).wrapping_mul(ENTRY)).ok_or(Errno::Einval)?;
        let address = Maddr::new(address);
        // The domain may have put the BAR anywhere: into memory, or over the interrupt controllers.
        let in_page = address.offset() <= PAGE_SIZE as u64 - ENTRY;
        let frame = address.mfn();
        let is_device = frames::table().is_io(frame) && IoPermissions::Hardware.allows_frame(frame);
        if !in_page || !is_device {
            return Err(Errno::Einval);
        }
        let page = fixed_map::map_device(frame).ok_or(Errno::Enomem)?;
        let offset = address.offset() % PAGE_SIZE as u64;
        let message = Self { device, capability, at: page.wrapping_add(offset) };
        message.enable();
        Ok(message)
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

    /// Turns MSI-X on, with all entries under the control of their own mask bits.
    fn enable(&self) {
        let _serial = CONTROL_LOCK.lock();
        let at = self.capability.wrapping_add(CONTROL);
        let control = pci::read16(self.device, at);
        if control & (CONTROL_ENABLE | CONTROL_MASK_ALL) != CONTROL_ENABLE {
            pci::write16(self.device, at, control & !CONTROL_MASK_ALL | CONTROL_ENABLE);
        }
    }

    fn write(&self, offset: u64, value: u32) {
        let register = self.at.wrapping_add(offset) as *mut u32;
        // SAFETY: `find` mapped the page of the entry, uncached.
        unsafe { ptr::write_volatile(register, value) }
    }
}
