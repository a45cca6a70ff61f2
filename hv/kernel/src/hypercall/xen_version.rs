// SPDX-License-Identifier: MIT OR Apache-2.0
//! `xen_version`: which hypervisor this is and what it offers. Every buffer is filled to its end.
use core::sync::atomic::Ordering;

use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::version::{
    CAPABILITIES_LEN, CHANGESET_LEN, COMMANDLINE_LEN, CompileInfo, EXTRAVERSION_LEN, FeatureInfo,
    Features, PlatformParameters, XenVersionOp,
};
use xen_abi::vm_assist::VmAssistType;

use crate::boot;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::hvm;
use crate::memory::layout::HV_START;

/// The interface spoken: that of Xen 4.17.
const VERSION: u64 = 4 << 16 | 17;
const EXTRAVERSION: &str = ".0-hv";
const CAPABILITIES: &str = "xen-3.0-x86_64 ";
/// The same where there is hardware virtualization.
const CAPABILITIES_HVM: &str = "xen-3.0-x86_64 hvm-3.0-x86_64 ";
/// What an unprivileged domain gets instead of a text that is not for it.
const DENIED: &str = "<denied>";

/// `xen_version(op, argument)`. `EFAULT` for a bad buffer, `EINVAL` for an unknown feature word,
/// `ENODATA` for the build id, of which there is none.
pub fn xen_version(current: &Current, op: u32, argument: GuestPtr) -> Result<u64, Errno> {
    match XenVersionOp::try_from(op)? {
        XenVersionOp::Version => Ok(VERSION),
        op => fill(current, op, argument),
    }
}

/// The operations that fill a buffer. Apart, so that asking for the version needs no room for one.
#[inline(never)]
fn fill(current: &Current, op: XenVersionOp, argument: GuestPtr) -> Result<u64, Errno> {
    let privileged = current.domain().privileged;
    match op {
        XenVersionOp::Version => return Ok(VERSION),
        XenVersionOp::Extraversion => {
            argument.cast().write(&padded::<EXTRAVERSION_LEN>(EXTRAVERSION))?;
        }
        XenVersionOp::CompileInfo => argument.cast().write(&compile_info())?,
        XenVersionOp::Capabilities => {
            let text = if hvm::is_available() { CAPABILITIES_HVM } else { CAPABILITIES };
            argument.cast().write(&padded::<CAPABILITIES_LEN>(text))?;
        }
        XenVersionOp::Changeset => {
            argument.cast().write(&padded::<CHANGESET_LEN>(env!("CARGO_PKG_VERSION")))?;
        }
        XenVersionOp::PlatformParameters => {
            argument.cast().write(&PlatformParameters { virt_start: HV_START })?;
        }
        XenVersionOp::GetFeatures => get_features(current, argument.cast())?,
        XenVersionOp::Pagesize => return Ok(PAGE_SIZE as u64),
        XenVersionOp::GuestHandle => argument.cast().write(&*current.domain().handle.lock())?,
        XenVersionOp::Commandline => {
            let text = if privileged { boot::command_line() } else { DENIED };
            argument.cast().write(&padded::<COMMANDLINE_LEN>(text))?;
        }
        XenVersionOp::BuildId => return build_id(privileged, argument.cast()),
    }
    Ok(0)
}

fn get_features(current: &Current, argument: GuestPtr<FeatureInfo>) -> Result<(), Errno> {
    let FeatureInfo { submap_idx, .. } = argument.read()?;
    if submap_idx != 0 {
        return Err(Errno::Einval);
    }
    let mut features = if current.domain().hvm.is_some() {
        Features::WRITABLE_PAGE_TABLES
            | Features::AUTO_TRANSLATED_PHYSMAP
            | Features::HVM_CALLBACK_VECTOR
            | Features::HVM_SAFE_PVCLOCK
            | Features::NOT_DIRECT_MAPPED
    } else {
        Features::MMU_PT_UPDATE_PRESERVE_AD
            | Features::HIGHMEM_ASSIST
            | Features::GNTTAB_MAP_AVAIL_BITS
            | Features::DIRECT_MAPPED
    };
    let assists = current.domain().vm_assist.load(Ordering::Relaxed);
    if assists & VmAssistType::PaeExtendedCr3.bit() != 0 {
        features |= Features::PAE_PGDIR_ABOVE_4GB;
    }
    if current.domain().privileged {
        features |= Features::DOM0;
    }
    argument.write(&FeatureInfo { submap_idx, submap: features.bits() })
}

fn build_id(privileged: bool, argument: GuestPtr<u32>) -> Result<u64, Errno> {
    if !privileged {
        return Err(Errno::Eperm);
    }
    if !argument.is_null() && argument.read()? == 0 {
        return Err(Errno::Einval);
    }
    Err(Errno::Enodata)
}

fn compile_info() -> CompileInfo {
    CompileInfo {
        compiler: padded("rustc"),
        compile_by: padded("hv"),
        compile_domain: padded(""),
        compile_date: padded(""),
    }
}

/// A text with zeros behind it; at least one.
fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut buffer = [0; N];
    let room = N.saturating_sub(1);
    for (target, &byte) in buffer.iter_mut().take(room).zip(text.as_bytes()) {
        *target = byte;
    }
    buffer
}
