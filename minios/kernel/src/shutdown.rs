// SPDX-License-Identifier: MIT OR Apache-2.0
//! The end of the domain.
use xen_abi::sched::ShutdownReason;

use crate::console;
use crate::hypercall::sched;

/// Ends the domain at once, after the console has had time to show what was written.
///
/// ```no_run
/// use minios::{ShutdownReason, shutdown};
/// shutdown(ShutdownReason::Reboot);
/// ```
pub fn shutdown(reason: ShutdownReason) -> ! {
    console::flush();
    now(reason)
}

/// Ends the domain at once.
pub(crate) fn now(reason: ShutdownReason) -> ! {
    loop {
        sched::shutdown(reason);
        // A reason that the hypervisor does not know.
        sched::shutdown(ShutdownReason::Crash);
    }
}
