// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_debugreg`, `get_debugreg` and `set_segment_base`.
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::trap::SegmentBase;

use crate::current::Current;
use crate::debugreg;
use crate::segment::{self, Base};

/// Sets a debug register; see [`debugreg::write`] for the errors.
pub fn set_debugreg(current: &Current, number: u32, value: u64) -> Result<u64, Errno> {
    let number = u8::try_from(number).map_err(|_| Errno::Enodev)?;
    debugreg::write(current.vcpu(), number, value).map(|()| 0)
}

/// Returns a debug register; `ENODEV` if there is none of that number.
pub fn get_debugreg(current: &Current, number: u32) -> Result<u64, Errno> {
    let number = u8::try_from(number).map_err(|_| Errno::Enodev)?;
    debugreg::read(current.vcpu(), number)
}

/// Sets the base of a segment, or loads gs of user mode with a selector; `EINVAL` for a base that
/// is not canonical or an unknown `which`.
pub fn set_segment_base(current: &Current, which: u32, base: u64) -> Result<u64, Errno> {
    let vcpu = current.vcpu();
    let which = SegmentBase::try_from(which).map_err(|_| Errno::Einval)?;
    if which != SegmentBase::GsUserSelector && !VirtAddr::new(base).is_canonical() {
        return Err(Errno::Einval);
    }
    match which {
        SegmentBase::Fs => segment::set_base(vcpu, Base::Fs, base),
        SegmentBase::GsUser => segment::set_base(vcpu, Base::GsUser, base),
        SegmentBase::GsKernel => segment::set_base(vcpu, Base::GsKernel, base),
        SegmentBase::GsUserSelector => {
            let [low, high, ..] = base.to_le_bytes();
            segment::load_user_gs(vcpu, u16::from_le_bytes([low, high]));
        }
    }
    Ok(0)
}
