// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a domain that drives a function may write to its configuration space.
use super::bar::FLAGS;
use super::capability::{self, MSI, MSIX};
use super::{ConfigSpace, is_bridge};

/// The register with a bridge's bus numbers.
pub(super) const BUS_NUMBERS: u8 = 0x18;
/// Offset of the control word in both capabilities of messages.
const CONTROL: u8 = 2;
const MSI_ENABLE: u32 = 1 << 0;
const MSIX_ENABLE: u32 = 1 << 15;
const MSIX_BYTES: u8 = 12;

/// A register that keeps its value, because it says where messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The register.
    pub register: u8,
    /// Its value.
    pub value: u32,
}

/// The bytes that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// The first one.
    pub register: u8,
    /// 1, 2 or 4.
    pub bytes: u8,
    /// The value, in the lower bytes.
    pub value: u32,
}

impl Write {
    fn touches(&self, start: u8, bytes: u8) -> bool {
        let before = u16::from(self.register).saturating_add(self.bytes.into()) <= start.into();
        let behind = u16::from(start).saturating_add(bytes.into()) <= self.register.into();
        !before && !behind
    }

    fn is_word(&self, register: u8, bytes: u8) -> bool {
        (self.register, self.bytes) == (register, bytes)
    }
}

/// What is to be written where the domain wants to write `write`; `None`: nothing.
///
/// Capabilities of messages take a control word and nothing else, as on Xen, and that turns
/// messages off only: the hypervisor turns those of MSI-X on that it has set up, and none of MSI.
/// Registers in `kept` take their own value, and ones, by which their size is found out. Buses
/// keep their numbers, by which functions are known.
pub fn allowed(space: &impl ConfigSpace, kept: &[Kept], write: Write) -> Option<u32> {
    if is_bridge(space) && write.touches(BUS_NUMBERS, 4) {
        return None;
    }
    if let Some(kept) = kept.iter().find(|kept| write.touches(kept.register, 4)) {
        let same = (write.value ^ kept.value) & !FLAGS == 0;
        let fits = write.is_word(kept.register, 4) && (same || write.value == u32::MAX);
        return fits.then_some(write.value);
    }
    for (id, enable) in [(MSI, MSI_ENABLE), (MSIX, MSIX_ENABLE)] {
        let Some(at) = capability::find(space, id) else { continue };
        let control = space.read(at) >> 16;
        let bytes = if id == MSI { msi_bytes(control) } else { MSIX_BYTES };
        if write.touches(at, bytes) {
            let fits = write.is_word(at.saturating_add(CONTROL), 2);
            return fits.then_some(write.value & (control | !enable));
        }
    }
    Some(write.value)
}

/// Bytes of the capability of MSI: longer with addresses of 64 bits, and with mask bits.
fn msi_bytes(control: u32) -> u8 {
    const ADDRESS_64: u32 = 1 << 7;
    const MASKS: u32 = 1 << 8;
    match (control & ADDRESS_64 != 0, control & MASKS != 0) {
        (false, false) => 10,
        (true, false) => 14,
        (false, true) => 20,
        (true, true) => 24,
    }
}

/// Turns off the messages that the firmware may have left on.
pub fn disable_messages(space: &impl ConfigSpace) {
    for (id, enable) in [(MSI, MSI_ENABLE), (MSIX, MSIX_ENABLE)] {
        if let Some(at) = capability::find(space, id) {
            let word = space.read(at);
            if word & enable << 16 != 0 {
                space.write(at, word & !(enable << 16));
            }
        }
    }
}
