// SPDX-License-Identifier: MIT OR Apache-2.0
//! The smallest app.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use minios::time::{Duration, Timer};

minios::entry!(main);

async fn main() {
    let version = minios::hypercall::version::version();
    log::info!("hello, running on Xen {}.{}", version >> 16, version & 0xffff);
    for n in 1..=3 {
        Timer::after(Duration::from_millis(100)).await;
        log::info!("tick {n}");
    }
}
