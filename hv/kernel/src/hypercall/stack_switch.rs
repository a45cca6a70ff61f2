// SPDX-License-Identifier: MIT OR Apache-2.0
//! `stack_switch` and `fpu_taskswitch`: what a guest's kernel sets when it switches tasks.
use xen_abi::errno::Errno;

use super::low;
use crate::current::Current;

/// Sets the stack for traps from user mode; always succeeds.
pub fn stack_switch(current: &Current, ss: u64, rsp: u64) -> Result<u64, Errno> {
    let [first, second, ..] = ss.to_le_bytes();
    current.vcpu().kernel_ss.set(u16::from_le_bytes([first, second]) | 3);
    current.vcpu().kernel_sp.set(rsp);
    Ok(0)
}

/// Sets or clears CR0.TS of the guest; always succeeds.
pub fn fpu_taskswitch(current: &Current, set: u64) -> Result<u64, Errno> {
    current.vcpu().task_switched.set(low(set) != 0);
    Ok(0)
}
