// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the firmware's tables say of the machine (ACPI 6.5, chapter 5): where the I/O APICs are, how
//! interrupts of the ISA bus reach them, and where configuration space lies in memory.
//!
//! The tables are foreign bytes: lengths are checked before anything is read, a table whose sum is
//! wrong is none, and an entry that does not fit ends its table.
use heapless::Vec;

mod table;
#[cfg(test)]
mod tests;

use table::Table;

/// Memory that may have tables.
pub trait TableMemory {
    /// Fills `to` from machine address `at` on; `None` where there is nothing to read.
    fn read(&self, at: u64, to: &mut [u8]) -> Option<()>;
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApic {
    /// Machine address of its registers.
    pub address: u32,
    /// Number of its first line in the machine.
    pub first_line: u32,
}

/// An interrupt of the ISA bus that is not what its number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// Its number on the bus.
    pub irq: u8,
    /// Its line.
    pub line: u32,
    /// By level, not by edge.
    pub level: bool,
    /// Active when low.
    pub active_low: bool,
}

/// Configuration space of a range of buses, in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigMemory {
    /// Machine address of the first bus's.
    pub start: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What the tables say; nothing where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// The I/O APICs.
    pub ioapics: Vec<IoApic, 8>,
    /// Interrupts of the ISA bus.
    pub overrides: Vec<Override, 16>,
    /// Configuration space in memory.
    pub config: Vec<ConfigMemory, 4>,
}

impl Platform {
    /// Reads the tables that the root pointer at `root` leads to; what is wrong is left out.
    pub fn read(memory: &impl TableMemory, root: u64) -> Self {
        let mut platform = Self::default();
        table::for_each(memory, root, |table| match &table.signature {
            b"APIC" => platform.add_interrupts(table),
            b"MCFG" => platform.add_config(table),
            _ => Some(()),
        });
        platform
    }

    fn add_interrupts(&mut self, table: &Table<'_, impl TableMemory>) -> Option<()> {
        const IO_APIC: u8 = 1;
        const OVERRIDE: u8 = 2;
        let mut at = 44;
        while at < table.length {
            let [kind, length] = table.bytes(at)?;
            match kind {
                IO_APIC => {
                    let [address, first_line] =
                        [4, 8].map(|offset| table.word(at.saturating_add(offset)));
                    let ioapic = IoApic { address: address?, first_line: first_line? };
                    self.ioapics.push(ioapic).ok()?;
                }
                OVERRIDE => {
                    let [_, _, _, irq] = table.bytes(at)?;
                    let line = table.word(at.saturating_add(4))?;
                    let [flags, _] = table.bytes(at.saturating_add(8))?;
                    let (active_low, level) = (flags & 3 == 3, flags >> 2 & 3 == 3);
                    self.overrides.push(Override { irq, line, level, active_low }).ok()?;
                }
                _ => {}
            }
            at = at.checked_add(u32::from(length)).filter(|_| length >= 2)?;
        }
        Some(())
    }

    fn add_config(&mut self, table: &Table<'_, impl TableMemory>) -> Option<()> {
        const ENTRY: u32 = 16;
        const BYTES_A_BUS: u64 = 1 << 20;
        let mut at = 44_u32;
        while at.saturating_add(ENTRY) <= table.length {
            let base = table.long(at)?;
            let [_, _, first, last] = table.bytes(at.saturating_add(8))?;
            let start = base.checked_add(u64::from(first).saturating_mul(BYTES_A_BUS))?;
            let buses = u64::from(last.checked_sub(first)?).saturating_add(1);
            let bytes = buses.saturating_mul(BYTES_A_BUS);
            self.config.push(ConfigMemory { start, bytes }).ok()?;
            at = at.saturating_add(ENTRY);
        }
        Some(())
    }

    /// The line of an interrupt of the ISA bus, and whether it signals by level and when low.
    #[must_use]
    pub fn isa_line(&self, irq: u8) -> Override {
        let told = self.overrides.iter().find(|told| told.irq == irq).copied();
        told.unwrap_or(Override { irq, line: irq.into(), level: false, active_low: false })
    }
}

/// Looks for the root pointer where the firmware of a PC puts it: in the first KiB of its own data,
/// whose segment is noted at 0x40e, and below 1 MiB.
pub fn find_root(memory: &impl TableMemory) -> Option<u64> {
    const SEGMENT: u64 = 0x40e;
    let mut segment = [0; 2];
    memory.read(SEGMENT, &mut segment)?;
    let data = u64::from(u16::from_le_bytes(segment)) << 4;
    let places = [data..data.saturating_add(1024), 0xe_0000..0x10_0000];
    places.into_iter().flat_map(|place| place.step_by(16)).find(|at| table::is_root(memory, *at))
}
