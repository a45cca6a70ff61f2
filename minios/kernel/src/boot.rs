// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the first line of Rust to the app's `main`.
use xen_abi::start_info::StartInfo;

use crate::{console, control, memory, random, start_info, task, time, trap, xenstore};

/// Called by arch/entry.S on our own stack.
///
/// `start_info` is the page in rsi, `builder_stack` the end of the stack page the builder made.
#[unsafe(no_mangle)]
extern "C" fn minios_boot(start_info: *const StartInfo, builder_stack: u64) -> ! {
    // SAFETY: the builder maps the page for good, and nothing writes it before a suspend.
    start_info::set(unsafe { &*start_info });
    memory::map_shared_info();
    trap::init();
    console::init_early();
    memory::init(builder_stack);
    console::init();
    time::init();
    random::init();
    xenstore::init();
    control::init();
    task::run(task::app_main())
}
