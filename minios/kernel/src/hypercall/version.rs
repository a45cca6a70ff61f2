// SPDX-License-Identifier: MIT OR Apache-2.0
//! What hypervisor this is.
use alloc::string::String;

use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::version::{CAPABILITIES_LEN, EXTRAVERSION_LEN, FeatureInfo, Features, XenVersionOp};
use zerocopy::IntoBytes;

use super::call_with;

fn op<T: IntoBytes>(op: XenVersionOp, argument: &mut T) -> Result<u64, Errno> {
    // SAFETY: no argument of this call names memory; each is as long as its operation writes.
    unsafe { call_with(Hypercall::XenVersion, op.raw(), argument) }
}

/// `major << 16 | minor` of the interface.
#[must_use]
pub fn version() -> u32 {
    let version = op(XenVersionOp::Version, &mut 0u64).unwrap_or(0);
    u32::try_from(version).unwrap_or(0)
}

/// What follows the version number: ".3", or a name.
#[must_use]
pub fn extra_version() -> String {
    text::<EXTRAVERSION_LEN>(XenVersionOp::Extraversion)
}

/// The guest types that the hypervisor runs, as a text: "xen-3.0-x86_64 ..".
#[must_use]
pub fn capabilities() -> String {
    text::<CAPABILITIES_LEN>(XenVersionOp::Capabilities)
}

/// The features that this domain may count on.
#[must_use]
pub fn features() -> Features {
    let mut info = FeatureInfo { submap_idx: 0, submap: 0 };
    match op(XenVersionOp::GetFeatures, &mut info) {
        Ok(_) => Features::from_bits_retain(info.submap),
        Err(_) => Features::empty(),
    }
}

fn text<const LENGTH: usize>(which: XenVersionOp) -> String {
    let mut buffer = [0; LENGTH];
    if op(which, &mut buffer).is_err() {
        return String::new();
    }
    let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(LENGTH);
    String::from_utf8_lossy(&buffer[..end]).into_owned()
}
