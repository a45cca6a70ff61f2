// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that crashes on purpose: a null pointer is read, the crash report names the place.
#![no_std]
#![no_main]

use test_report::Report;

test_report::guest!(run);

async fn run(_report: &mut Report) {
    log::info!("about to read address 0");
    // SAFETY: page zero is never mapped, so this faults and ends the guest: the test's purpose.
    unsafe { core::ptr::null::<u8>().read_volatile() };
}
