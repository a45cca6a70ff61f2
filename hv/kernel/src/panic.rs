// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of a hypervisor that found itself wrong.
use core::panic::PanicInfo;

use crate::arch::power::power_off;
use crate::{backtrace, log};

/// What isa-debug-exit reports of a panic: exit status 3 * 2 + 1.
const PANIC_STATUS: u8 = 3;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    log!("panic: {info}");
    backtrace::log_from_here();
    power_off(PANIC_STATUS)
}
