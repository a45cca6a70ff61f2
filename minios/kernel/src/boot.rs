// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the first line of Rust that both kinds of guest have in common to the app's `main`.
use crate::arch::platform::Platform;
use crate::{arch, console, control, memory, random, task, time, xenstore};

/// Called by arch/pv and arch/pvh on our own stack, when `start_info` is known.
pub(crate) fn boot(platform: &'static dyn Platform) -> ! {
    arch::set_platform(platform);
    platform.map_shared_info();
    platform.init_traps();
    console::init_early();
    memory::init();
    console::init();
    time::init();
    random::init();
    xenstore::init();
    control::init();
    task::run(task::app_main())
}
