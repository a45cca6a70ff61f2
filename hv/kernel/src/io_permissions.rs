// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which ports, memory and interrupts of the hardware a domain may use.
use hv_core::acpi::ConfigMemory;
use xen_abi::frame::Mfn;

use crate::arch::{cpu, ioapic};
use crate::boot::firmware::platform;
use crate::msi;

/// Permissions of one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoPermissions {
    /// Nothing: an ordinary domain.
    None,
    /// Everything that the hypervisor does not use itself: the first domain.
    Hardware,
}

impl IoPermissions {
    /// Whether `count` ports from `first` on may be used. The interrupt controllers, the serial
    /// port, and what calibrates the clock are the hypervisor's.
    #[must_use]
    pub fn allows_ports(self, first: u16, count: u16) -> bool {
        const OWN: [(u16, u16); 5] =
            [(0x20, 0x21), (0x40, 0x43), (0x61, 0x61), (0xa0, 0xa1), (0x3f8, 0x3ff)];
        let last = first.saturating_add(count.saturating_sub(1));
        self == Self::Hardware && OWN.iter().all(|(start, end)| last < *start || first > *end)
    }

    /// Whether the frame of device memory may be mapped. The interrupt controllers are the
    /// hypervisor's, and frames beyond the CPU's addresses are nobody's.
    #[must_use]
    pub fn allows_frame(self, frame: Mfn) -> bool {
        const LAPIC: u64 = 0xfee00;
        let frames = 1 << (cpu::features().physical_bits - 12);
        let exists = frame.get() < frames;
        self == Self::Hardware && exists && !ioapic::has_frame(frame) && frame.get() != LAPIC
    }
}

/// Whether a frame of device memory may be mapped for reading only: it has messages, or
/// configuration space, which is written through ports and looked at there.
#[must_use]
pub fn is_read_only(frame: Mfn) -> bool {
    let at = frame.maddr().get();
    let is_in = |config: &ConfigMemory| at.wrapping_sub(config.start) < config.bytes;
    msi::tables::has_frame(frame) || platform().config.iter().any(is_in)
}
