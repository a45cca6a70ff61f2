// SPDX-License-Identifier: MIT OR Apache-2.0
//! No test: a PVH guest whose #DB raises the next one as it is delivered, without an end (XSA-156,
//! CVE-2015-8104). As a PV guest it spins.
#![no_std]
#![no_main]

use core::arch::global_asm;

use minios::GuestType;

global_asm!(include_str!("../debug_exceptions.S"));

unsafe extern "C" {
    fn debug_exceptions() -> !;
}

async fn hold() {
    log::info!("holding the processor");
    if minios::guest_type() == GuestType::Pv {
        test_guests::spin();
    }
    // SAFETY: it never comes back; what it changes is this guest's.
    unsafe { debug_exceptions() }
}

minios::entry!(hold);
