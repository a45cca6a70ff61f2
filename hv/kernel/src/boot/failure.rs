// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the user can mend: a wrong option, a kernel that is none, too little memory.
use core::fmt::Display;

use crate::arch::power::power_off;
use crate::log;

/// What isa-debug-exit reports: exit status 2 * 2 + 1.
const STATUS: u8 = 2;

/// Says why there is no first domain, in one sentence, and ends.
pub fn fail(why: impl Display) -> ! {
    log!("cannot start: {why}");
    power_off(STATUS)
}
