// SPDX-License-Identifier: MIT OR Apache-2.0
//! Non-maskable interrupts (`public/nmi.h`).
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `nmi_op`.
    pub enum NmiOp: u32 {
        /// Takes an [`NmiCallback`].
        RegisterCallback = 0,
        /// Takes nothing.
        UnregisterCallback = 1,
    }
}

/// Where the guest takes NMIs: its handler of [`crate::trap::VECTOR_NMI`], with events masked.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NmiCallback {
    /// Guest virtual address of the entry.
    pub handler_address: u64,
    /// Padding.
    pub _pad: u64,
}

bitflags::bitflags! {
    /// Why an NMI came (`nmi_reason` of the shared info page).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct NmiReason: u64 {
        /// An I/O check.
        const IO_ERROR = 1 << 0;
        /// A PCI system error.
        const PCI_SERR = 1 << 1;
        /// The machine does not say.
        const UNKNOWN = 1 << 2;
    }
}

assert_layout!(NmiCallback, size = 16);
