// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loaded into QEMU in front of the C library (see `src/qemu/preload.rs`): its user network
//! listens with a backlog of 1 on forwarded ports, so that of 32 clients which connect at once
//! most are delayed by seconds. This `listen` asks for a usual backlog instead.
#![no_std]

use core::ffi::{c_int, c_long};

/// What is asked for at least.
const BACKLOG: c_int = 128;
/// The number of listen(2) on x86-64.
const SYS_LISTEN: c_long = 50;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// listen(2), with a backlog of at least [`BACKLOG`].
///
/// # Safety
/// None is asked for: a bad descriptor is an error of the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn listen(socket: c_int, backlog: c_int) -> c_int {
    let backlog = if backlog < BACKLOG { BACKLOG } else { backlog };
    // SAFETY: listen(2) takes two numbers and touches no memory of ours.
    let result = unsafe { syscall(SYS_LISTEN, c_long::from(socket), c_long::from(backlog)) };
    if result == 0 { 0 } else { -1 }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
