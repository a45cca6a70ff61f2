// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that never gives up the processor: the load beside which others must work.
#![no_std]
#![no_main]

async fn spin() {
    log::info!("spinning");
    test_guests::spin();
}

minios::entry!(spin);
