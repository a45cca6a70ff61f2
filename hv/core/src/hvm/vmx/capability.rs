// SPDX-License-Identifier: MIT OR Apache-2.0
//! Capability registers: bits that must be 1 and bits that may be (Intel SDM volume 3, appendix A).
use crate::word::halves;

/// What a capability register says of a control field: its low half has the bits that must be 1,
/// its high half those that may be (A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed(u64);

impl Allowed {
    /// The register's value.
    #[must_use]
    pub const fn new(register: u64) -> Self {
        Self(register)
    }

    /// The field with all of `wanted` and what else must be 1.
    ///
    /// # Errors
    /// The bits of `wanted` that the processor does not have.
    pub const fn with(self, wanted: u32) -> Result<u32, u32> {
        let (must, may) = halves(self.0);
        let missing = wanted & !may;
        if missing == 0 { Ok(wanted | must) } else { Err(missing) }
    }
}

/// Bits of CR0 or CR4 that are not free in VMX operation (A.7 and A.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Those that must be 1.
    pub ones: u64,
    /// Those that may be 1.
    pub allowed: u64,
}

impl Fixed {
    /// The value nearest to `wanted`.
    #[must_use]
    pub const fn apply(self, wanted: u64) -> u64 {
        (wanted | self.ones) & self.allowed
    }

    /// The same where a guest may be without the bits `free`.
    #[must_use]
    pub const fn without(self, free: u64) -> Self {
        Self { ones: self.ones & !free, ..self }
    }
}

/// What there is of EPT and VPIDs (A.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EptVpid(u64);

impl EptVpid {
    const FOUR_LEVELS: u64 = 1 << 6;
    const WRITE_BACK: u64 = 1 << 14;
    const LARGE_PAGES: u64 = 1 << 16;
    const INVEPT: u64 = 1 << 20;
    const INVEPT_SINGLE: u64 = 1 << 25;
    const INVEPT_ALL: u64 = 1 << 26;
    const INVVPID: u64 = 1 << 32;
    const INVVPID_ALL: u64 = 1 << 42;

    /// The register's value.
    #[must_use]
    pub const fn new(register: u64) -> Self {
        Self(register)
    }

    const fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }

    /// Tables of four levels in write-back memory, with leaves of 2 MiB, that can be invalidated.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.has(Self::FOUR_LEVELS | Self::WRITE_BACK | Self::LARGE_PAGES | Self::INVEPT)
            && self.invept().is_some()
    }

    /// The type of `invept` that forgets least: 1 for one root, 2 for all.
    #[must_use]
    pub const fn invept(self) -> Option<u64> {
        if self.has(Self::INVEPT_SINGLE) {
            Some(1)
        } else if self.has(Self::INVEPT_ALL) {
            Some(2)
        } else {
            None
        }
    }

    /// Whether `invvpid` can forget the translations of all tags.
    #[must_use]
    pub const fn invvpid_all(self) -> bool {
        self.has(Self::INVVPID | Self::INVVPID_ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_what_is_wanted_and_what_must_be() {
        // Bits 1, 2 and 4 must be 1; 0, 3, 5 and 7 may be.
        let pin_based = Allowed::new(0x0000_00bf_0000_0016);
        assert_eq!(pin_based.with(0b1001), Ok(0b1_1111));
        assert_eq!(pin_based.with(0), Ok(0b1_0110));
        assert_eq!(pin_based.with(1 << 6 | 1), Err(1 << 6));
    }

    #[test]
    fn fixed_bits_of_control_registers() {
        const PE_NE_PG: u64 = 0x8000_0021;
        let cr0 = Fixed { ones: PE_NE_PG, allowed: 0xffff_ffff };
        assert_eq!(cr0.apply(0x10), PE_NE_PG | 0x10);
        assert_eq!(cr0.without(0x8000_0001).apply(0x10), 0x30);
        assert_eq!(Fixed { ones: 0x2000, allowed: 0x2fff }.apply(1 << 20 | 1), 0x2001);
    }

    #[test]
    fn what_is_needed_of_ept() {
        // A processor with everything, and without one thing after the other.
        let all = 0xf01_0633_4141;
        assert!(EptVpid::new(all).is_enough());
        for missing in [6, 14, 16, 20] {
            assert!(!EptVpid::new(all & !(1 << missing)).is_enough(), "{missing}");
        }
        assert!(!EptVpid::new(all & !(3 << 25)).is_enough());
        assert_eq!(EptVpid::new(all).invept(), Some(1));
        assert_eq!(EptVpid::new(all & !(1 << 25)).invept(), Some(2));
        assert!(EptVpid::new(all).invvpid_all());
        assert!(!EptVpid::new(all & !(1 << 42)).invvpid_all());
        assert!(!EptVpid::new(all & !(1 << 32)).invvpid_all());
    }
}
