// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters and calls of domains in hardware virtualization (`public/hvm/hvm_op.h`,
//! `public/hvm/params.h`).

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `hvm_op`.
    pub enum HvmOp: u32 {
        /// [`HvmParamArg`]: sets a parameter.
        SetParam = 0,
        /// [`HvmParamArg`]: reads a parameter.
        GetParam = 1,
        /// Flushes the translations of all vcpus.
        FlushTlbs = 5,
        /// A page table is going to be freed.
        PagetableDying = 9,
        /// System time, ns.
        GetTime = 10,
        /// [`EvtchnUpcallVector`].
        SetEvtchnUpcallVector = 23,
    }
}

number_enum! {
    /// [`HvmParamArg::index`]: those known here.
    pub enum HvmParam: u32 {
        /// How events reach the guest: a [`CallbackVia`].
        CallbackIrq = 0,
        /// Gfn of the ring to xenstored.
        StorePfn = 1,
        /// Port to xenstored.
        StoreEvtchn = 2,
        /// How the guest sees time: the one mode there is, 0 to 3.
        TimerMode = 10,
        /// Gfn of an identity page table for guests without paging.
        IdentPt = 12,
        /// Gfn of the console's ring.
        ConsolePfn = 17,
        /// Port of the console.
        ConsoleEvtchn = 18,
        /// The reason of the shutdown that a triple fault is.
        TripleFaultReason = 31,
        /// Address of the generation id.
        VmGenerationId = 34,
    }
}

/// Number of parameters, one more than the highest index.
pub const HVM_NR_PARAMS: u32 = 39;

/// A parameter, to set or to read.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmParamArg {
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad: u16,
    /// A [`HvmParam`].
    pub index: u32,
    /// Its value.
    pub value: u64,
}

/// The vector of a vcpu's event upcall, delivered by its local APIC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct EvtchnUpcallVector {
    /// The vcpu.
    pub vcpu: u32,
    /// The vector, at least 16.
    pub vector: u8,
    /// Padding.
    pub _pad: [u8; 3],
}

/// The meaning of [`HvmParam::CallbackIrq`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackVia {
    /// An interrupt line.
    Gsi(u8),
    /// A line of a PCI device; bits as in the parameter.
    PciIntx(u64),
    /// An interrupt with this vector, as if by an interrupt controller that wants no EOI.
    Vector(u8),
}

impl CallbackVia {
    const KIND_SHIFT: u32 = 56;

    /// The value of the parameter.
    #[must_use]
    pub const fn raw(self) -> u64 {
        match self {
            Self::Gsi(line) => line as u64,
            Self::PciIntx(bits) => 1 << Self::KIND_SHIFT | bits,
            Self::Vector(vector) => 2 << Self::KIND_SHIFT | vector as u64,
        }
    }

    /// What a value means; `None` for an unknown kind.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Option<Self> {
        let [low, ..] = raw.to_le_bytes();
        match raw >> Self::KIND_SHIFT {
            0 => Some(Self::Gsi(low)),
            1 => Some(Self::PciIntx(raw & ((1 << Self::KIND_SHIFT) - 1))),
            2 => Some(Self::Vector(low)),
            _ => None,
        }
    }
}

assert_layout!(HvmParamArg, size = 16, index @ 4, value @ 8);
assert_layout!(EvtchnUpcallVector, size = 8, vector @ 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callback_round_trip() {
        for via in [CallbackVia::Gsi(9), CallbackVia::PciIntx(0x1802), CallbackVia::Vector(0xf3)] {
            assert_eq!(CallbackVia::from_raw(via.raw()), Some(via));
        }
        assert_eq!(CallbackVia::from_raw(3 << 56), None);
    }
}
