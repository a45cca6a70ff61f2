// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an operation on grants ended (`public/grant_table.h`, `GNTST_*`).

use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How one element of an operation ended: 0, or negative.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct GrantStatus(i16);

impl GrantStatus {
    /// Done.
    pub const OKAY: Self = Self(0);
    /// Some error.
    pub const GENERAL_ERROR: Self = Self(-1);
    /// No such domain.
    pub const BAD_DOMAIN: Self = Self(-2);
    /// No such grant.
    pub const BAD_GNTREF: Self = Self(-3);
    /// No such mapping.
    pub const BAD_HANDLE: Self = Self(-4);
    /// Wrong virtual address.
    pub const BAD_VIRT_ADDR: Self = Self(-5);
    /// Wrong device address.
    pub const BAD_DEV_ADDR: Self = Self(-6);
    /// No space for devices.
    pub const NO_DEVICE_SPACE: Self = Self(-7);
    /// Not allowed.
    pub const PERMISSION_DENIED: Self = Self(-8);
    /// Wrong page.
    pub const BAD_PAGE: Self = Self(-9);
    /// The copy leaves its page.
    pub const BAD_COPY_ARG: Self = Self(-10);
    /// The frame's address is too large for the receiver.
    pub const ADDRESS_TOO_BIG: Self = Self(-11);
    /// To be tried again.
    pub const EAGAIN: Self = Self(-12);
    /// Out of handles.
    pub const NO_SPACE: Self = Self(-13);

    /// Any status, also one without a name.
    #[must_use]
    pub const fn new(raw: i16) -> Self {
        Self(raw)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i16 {
        self.0
    }

    /// `Ok` if done, else the status itself.
    pub fn into_result(self) -> Result<(), Self> {
        if self == Self::OKAY { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for GrantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "okay",
            -1 => "general error",
            -2 => "bad domain",
            -3 => "bad grant reference",
            -4 => "bad handle",
            -5 => "bad virtual address",
            -6 => "bad device address",
            -7 => "no device space",
            -8 => "permission denied",
            -9 => "bad page",
            -10 => "bad copy argument",
            -11 => "address too big",
            -12 => "try again",
            -13 => "no space",
            other => return write!(f, "unknown grant status {other}"),
        })
    }
}
