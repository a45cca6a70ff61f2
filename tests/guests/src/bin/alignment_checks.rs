// SPDX-License-Identifier: MIT OR Apache-2.0
//! No test: a PVH guest whose alignment check raises the next one as it is delivered, without an end
//! (XSA-156, CVE-2015-5307). As a PV guest it spins.
#![no_std]
#![no_main]

use core::arch::global_asm;

use minios::GuestType;

global_asm!(include_str!("../alignment_checks.S"));

unsafe extern "C" {
    fn alignment_checks() -> !;
}

async fn hold() {
    log::info!("holding the processor");
    if minios::guest_type() == GuestType::Pv {
        test_guests::spin();
    }
    // SAFETY: it never comes back; what it changes is this guest's.
    unsafe { alignment_checks() }
}

minios::entry!(hold);
