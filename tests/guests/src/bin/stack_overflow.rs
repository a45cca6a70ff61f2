// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that uses up its stack on purpose: the page below it ends the guest. A PVH guest, whose
//! double faults have a stack of their own, says where.
#![no_std]
#![no_main]

use core::hint::black_box;
use test_report::Report;

test_report::guest!(run);

async fn run(_report: &mut Report) {
    log::info!("about to use up the stack");
    descend();
}

/// Takes less than a page a turn, so that no turn steps over the page.
fn descend() -> u8 {
    let words = black_box([1u8; 1024]);
    if black_box(true) { descend() + words[0] } else { 0 }
}
