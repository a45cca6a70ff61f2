// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_timer_op`: the vCPU's one-shot timer.
use hv_core::timer::guest_deadline;
use xen_abi::errno::Errno;

use crate::current::Current;
use crate::schedule::{self, Timer};
use crate::time;

/// `set_timer_op(time)`: VIRQ_TIMER at a system time in ns; 0 cancels.
pub fn set_timer_op(current: &Current, time: u64) -> Result<u64, Errno> {
    let deadline_ns = guest_deadline(time, time::now_ns);
    schedule::set_timer(current.vcpu(), Timer::Singleshot, deadline_ns);
    Ok(0)
}
