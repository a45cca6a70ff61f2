// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that an instruction of a PVH guest means by a segment, and the fault where it may not.
use hv_core::hvm::segment::Bounds;
use hv_core::instruction_bytes::SegmentRegister;
use xen_abi::trap::{VECTOR_PF, VECTOR_SS};

use super::control_block::ControlBlock;
use super::exit::Refused;
use super::memory::Unreachable;
use crate::vcpu::Vcpu;

/// What a segment register of the guest says.
pub fn bounds(vcpu: &Vcpu, register: SegmentRegister) -> Bounds {
    let segment = vcpu.hvm.block().segment(register);
    let [rights, _] = segment.attributes.to_le_bytes();
    Bounds { base: segment.base, limit: segment.limit, rights }
}

/// Why memory cannot be had.
pub enum Fault {
    /// A #SS with error code 0.
    Stack,
    /// A #GP with error code 0.
    Protection,
    /// A #PF.
    Page {
        /// The address in question.
        address: u64,
        /// As the guest's handler sees it.
        error: u32,
    },
}

impl Fault {
    /// The fault of an access that a segment does not allow.
    pub fn of(register: SegmentRegister) -> Self {
        if register == SegmentRegister::Ss { Self::Stack } else { Self::Protection }
    }

    /// Gives it to the guest.
    pub fn deliver(&self, block: &dyn ControlBlock) -> Result<(), Refused> {
        match *self {
            Self::Protection => return Err(Refused),
            Self::Stack => block.inject(VECTOR_SS, Some(0)),
            Self::Page { address, error } => {
                block.set_fault_address(address);
                block.inject(VECTOR_PF, Some(error));
            }
        }
        Ok(())
    }
}

impl From<Unreachable> for Fault {
    fn from(why: Unreachable) -> Self {
        match why {
            Unreachable::Page { address, error } => Self::Page { address, error },
            Unreachable::NoMemory => Self::Protection,
        }
    }
}
