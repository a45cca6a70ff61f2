// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rdmsr` and `wrmsr`: a short list; every other register takes #GP.
use xen_abi::frame::VirtAddr;

use super::Refused;
use crate::arch::{msr, tsc};
use crate::segment::{self, Base};
use crate::vcpu::Vcpu;

const TSC: u32 = 0x10;
const PAT: u32 = msr::PAT;
/// The page attributes that all guests share: those Xen sets.
const PAT_VALUE: u64 = 0x0000_0501_0007_0406;
/// Machine checks are not for guests: there are no banks, and nothing happened.
const MCG_CAP: u32 = 0x179;
const MCG_STATUS: u32 = 0x17a;
const EFER_SVME: u64 = 1 << 12;

/// Which segment base a register holds.
const fn base_of(register: u32) -> Option<Base> {
    match register {
        msr::FS_BASE => Some(Base::Fs),
        msr::GS_BASE => Some(Base::GsKernel),
        msr::KERNEL_GS_BASE => Some(Base::GsUser),
        _ => None,
    }
}

/// The value a guest's kernel sees.
pub fn read(vcpu: &Vcpu, register: u32) -> Result<u64, Refused> {
    if let Some(base) = base_of(register) {
        return Ok(segment::base(vcpu, base));
    }
    match register {
        TSC => Ok(tsc::read()),
        PAT => Ok(PAT_VALUE),
        MCG_CAP | MCG_STATUS => Ok(0),
        msr::EFER => Ok(guest_efer()),
        msr::APIC_BASE => Ok(msr::read(msr::APIC_BASE)),
        _ => Err(Refused),
    }
}

/// Accepts bases, and the value that is there already.
pub fn write(vcpu: &Vcpu, register: u32, value: u64) -> Result<(), Refused> {
    if let Some(base) = base_of(register) {
        if !VirtAddr::new(value).is_canonical() {
            return Err(Refused);
        }
        segment::set_base(vcpu, base, value);
        return Ok(());
    }
    match register {
        PAT if value == PAT_VALUE => Ok(()),
        MCG_STATUS if value == 0 => Ok(()),
        msr::EFER if value == guest_efer() => Ok(()),
        _ => Err(Refused),
    }
}

fn guest_efer() -> u64 {
    msr::read(msr::EFER) & !EFER_SVME
}
