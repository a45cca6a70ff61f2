// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's hardware, for domain 0 (`public/platform.h`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`PlatformOpHeader::interface_version`]; another is refused with `EACCES`.
pub const INTERFACE_VERSION: u32 = 0x0300_0001;

/// The start of every `platform_op`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PlatformOpHeader {
    /// What is wanted.
    pub cmd: u32,
    /// [`INTERFACE_VERSION`].
    pub interface_version: u32,
}

assert_layout!(PlatformOpHeader, size = 8, interface_version @ 4);
