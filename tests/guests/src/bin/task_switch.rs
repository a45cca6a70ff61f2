// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that switches tasks by hardware, which hv does not do for it: the domain ends, and hv says
//! why.
#![no_std]
#![no_main]

use test_guests::old_code::switch_tasks;
use test_report::Report;

test_report::guest!(run, only_pvh = "a PV guest has no tasks of its own");

async fn run(_report: &mut Report) {
    switch_tasks()
}
