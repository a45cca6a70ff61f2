// SPDX-License-Identifier: MIT OR Apache-2.0
//! `IA32_APIC_BASE`: where the registers are (Intel SDM volume 3, 10.4.4 and 10.12.1).

/// The registers' page in memory. As on Xen it does not move: the virtual CPUs of a domain share
/// their memory, and would have to agree.
pub const PAGE: u64 = 0xfee0_0000;

const BOOTSTRAP: u64 = 1 << 8;
const EXTENDED: u64 = 1 << 10;
const ENABLED: u64 = 1 << 11;

/// How software reaches the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Off,
    /// In memory, at [`PAGE`].
    XApic,
    /// As MSRs.
    X2Apic,
}

/// The register's value: one of those that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base(u64);

impl Base {
    /// After power-up.
    #[must_use]
    pub const fn new(is_bootstrap: bool) -> Self {
        Self(PAGE | ENABLED | if is_bootstrap { BOOTSTRAP } else { 0 })
    }

    /// With a value that somebody has saved; `None` for one that cannot be.
    #[must_use]
    pub const fn of(value: u64) -> Option<Self> {
        let is_possible = value & !(BOOTSTRAP | EXTENDED | ENABLED) == PAGE
            && (value & EXTENDED == 0 || value & ENABLED != 0);
        if is_possible { Some(Self(value)) } else { None }
    }

    /// As the guest reads it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Where the registers are.
    #[must_use]
    pub const fn mode(self) -> Mode {
        mode(self.0)
    }

    /// The value after a guest has written `value`; `None` is its #GP: for reserved bits, another
    /// page, and a transition that figure 10-27 does not have.
    #[must_use]
    pub const fn write(self, value: u64) -> Option<Self> {
        if value & !(BOOTSTRAP | EXTENDED | ENABLED) != PAGE {
            return None;
        }
        let is_possible = match (self.mode(), mode(value)) {
            (Mode::Off, Mode::X2Apic) | (Mode::X2Apic, Mode::XApic) => false,
            (_, Mode::Off) => value & EXTENDED == 0,
            _ => true,
        };
        if is_possible { Some(Self(value)) } else { None }
    }
}

const fn mode(value: u64) -> Mode {
    match (value & ENABLED != 0, value & EXTENDED != 0) {
        (false, _) => Mode::Off,
        (true, false) => Mode::XApic,
        (true, true) => Mode::X2Apic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: u64 = PAGE | BOOTSTRAP;
    const XAPIC: u64 = OFF | ENABLED;
    const X2APIC: u64 = XAPIC | EXTENDED;

    #[test]
    fn transitions() {
        let allowed = |from, to| Base(from).write(to).is_some();
        for (from, to, expected) in [
            (OFF, XAPIC, true),
            (OFF, X2APIC, false),
            (XAPIC, OFF, true),
            (XAPIC, X2APIC, true),
            (X2APIC, XAPIC, false),
            (X2APIC, OFF, true),
            (XAPIC, OFF | EXTENDED, false),
            (X2APIC, OFF | EXTENDED, false),
        ] {
            assert_eq!(allowed(from, to), expected, "{from:#x} to {to:#x}");
        }
    }

    #[test]
    fn the_page_stays() {
        assert_eq!(Base::new(true).get(), 0xfee0_0900);
        assert_eq!(Base::new(false).write(0xfed0_0800), None);
        assert_eq!(Base::new(false).write(XAPIC | 1), None);
    }
}
