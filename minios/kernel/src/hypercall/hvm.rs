// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parameters of a PVH guest.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hvm::{HvmOp, HvmParam, HvmParamArg};
use xen_abi::hypercall::Hypercall;

use super::call_with;

fn op(op: HvmOp, argument: &mut HvmParamArg) -> Result<(), Errno> {
    // SAFETY: the struct names no memory.
    unsafe { call_with(Hypercall::HvmOp, op.raw(), argument) }.map(drop)
}

/// The value of a parameter of ours.
pub(crate) fn param(param: HvmParam) -> Result<u64, Errno> {
    let mut arg = HvmParamArg { domid: DomId::SELF, index: param.raw(), ..Default::default() };
    op(HvmOp::GetParam, &mut arg)?;
    Ok(arg.value)
}

/// Sets a parameter of ours.
pub(crate) fn set_param(param: HvmParam, value: u64) -> Result<(), Errno> {
    op(HvmOp::SetParam, &mut HvmParamArg { domid: DomId::SELF, _pad: 0, index: param.raw(), value })
}
