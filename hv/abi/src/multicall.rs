// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several hypercalls in one (`public/xen.h`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One call; they run in order, whatever the results.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MulticallEntry {
    /// Number of the [`crate::hypercall::Hypercall`].
    pub op: u64,
    /// Out: what it returned.
    pub result: i64,
    /// Its arguments.
    pub args: [u64; 6],
}

assert_layout!(MulticallEntry, size = 64, result @ 8, args @ 16);
