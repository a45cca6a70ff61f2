// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Msix`]: where a function's table of messages is.
use heapless::Vec;
use xen_abi::frame::{Maddr, Mfn};

use super::ConfigSpace;
use super::bar::MemoryBar;
use super::capability;
use super::config_write::Kept;

/// Bytes of a table entry.
pub const ENTRY_BYTES: u64 = 16;
const TABLE_SIZE: u32 = 0x7ff << 16;
const BAR: u32 = 7;

/// The messages of a function.
#[derive(Clone, Debug)]
pub struct Msix {
    /// The register of its capability.
    pub capability: u8,
    /// Number of table entries.
    pub entries: u16,
    /// Where the memory starts that has the table.
    pub base: Maddr,
    /// Where the table starts.
    pub table: Maddr,
    /// The registers that hold table and pending bits where they are.
    pub kept: Vec<Kept, 4>,
    /// First and last frames of table and pending bits, where they are now and where they are
    /// while somebody sizes the registers.
    frames: Vec<(Mfn, Mfn), 4>,
}

impl Msix {
    /// The messages of a function, if it has such a capability and its memory is placed.
    pub fn find(space: &impl ConfigSpace) -> Option<Self> {
        let at = capability::find(space, capability::MSIX)?;
        let size = space.read(at) & TABLE_SIZE;
        let entries = u16::try_from(size >> 16).ok()?.checked_add(1)?;
        let mut msix = Self {
            capability: at,
            entries,
            base: Maddr::new(0),
            table: Maddr::new(0),
            kept: Vec::new(),
            frames: Vec::new(),
        };
        let pending = u64::from(entries).div_ceil(64).checked_mul(8)?;
        msix.add_area(space, space.read(at.checked_add(8)?), pending)?;
        let table = u64::from(entries).checked_mul(ENTRY_BYTES)?;
        (msix.base, msix.table) = msix.add_area(space, space.read(at.checked_add(4)?), table)?;
        Some(msix)
    }

    /// Whether the frame has a part of the table or of the pending bits, or may have.
    #[must_use]
    pub fn has_frame(&self, frame: Mfn) -> bool {
        self.frames.iter().any(|&(first, last)| (first..=last).contains(&frame))
    }

    /// Notes the memory that `place` names; returns where its register leads, and where it is.
    fn add_area(
        &mut self,
        space: &impl ConfigSpace,
        place: u32,
        bytes: u64,
    ) -> Option<(Maddr, Maddr)> {
        let [number, ..] = (place & BAR).to_le_bytes();
        let offset = u64::from(place & !BAR);
        let bar = MemoryBar::find(space, number)?;
        for start in [bar.start_while_sizing(), bar.start()] {
            let first = start.checked_add(offset)?;
            let last = first.checked_add(bytes)?.checked_sub(1)?;
            self.frames.push((Maddr::new(first).mfn(), Maddr::new(last).mfn())).ok()?;
        }
        for (register, word) in [bar.register, bar.register.checked_add(4)?].iter().zip(bar.words) {
            let kept = word.map(|value| Kept { register: *register, value });
            if let Some(kept) = kept.filter(|kept| !self.kept.contains(kept)) {
                self.kept.push(kept).ok()?;
            }
        }
        Some((Maddr::new(bar.start()), Maddr::new(bar.start().checked_add(offset)?)))
    }
}
