// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domain ids and the frame owners which are no domain (`public/xen.h`).
//!
//! A *domain* is the unit the hypervisor owns; the *guest* is the code in it. Domain 0 is the
//! first one, which may manage the others.

use core::fmt;

number_type! {
    /// The id of a domain.
    pub struct DomId(u16);
}

impl DomId {
    /// The first domain, with the right to manage others.
    pub const DOM0: Self = Self(0);
    /// The first id no real domain has.
    pub const FIRST_RESERVED: Self = Self(0x7ff0);
    /// As an argument: the calling domain.
    pub const SELF: Self = Self(0x7ff0);
    /// The owner of device memory.
    pub const IO: Self = Self(0x7ff1);
    /// The owner of the hypervisor's own memory.
    pub const XEN: Self = Self(0x7ff2);
    /// The owner of frames shared copy-on-write.
    pub const COW: Self = Self(0x7ff3);
    /// No domain.
    pub const INVALID: Self = Self(0x7ff4);
    /// The idle domain.
    pub const IDLE: Self = Self(0x7fff);

    /// Whether the id can name a real domain.
    #[must_use]
    pub const fn is_ordinary(self) -> bool {
        self.0 < Self::FIRST_RESERVED.0
    }
}

impl fmt::Display for DomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d{}", self.0)
    }
}
