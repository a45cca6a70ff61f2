// SPDX-License-Identifier: MIT OR Apache-2.0
//! Access to hardware.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Gives or takes an interrupt.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IrqPermission {
    /// Physical interrupt.
    pub pirq: u32,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 3],
}

/// Gives or takes device memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IomemPermission {
    /// First frame.
    pub first_mfn: u64,
    /// Frames.
    pub nr_mfns: u64,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 7],
}

/// Gives or takes I/O ports.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoportPermission {
    /// First port.
    pub first_port: u32,
    /// Ports.
    pub nr_ports: u32,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 3],
}

assert_layout!(IrqPermission, size = 8, allow_access @ 4);
assert_layout!(IomemPermission, size = 24, nr_mfns @ 8, allow_access @ 16);
assert_layout!(IoportPermission, size = 12, nr_ports @ 4, allow_access @ 8);
