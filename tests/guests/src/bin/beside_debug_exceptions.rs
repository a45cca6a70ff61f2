// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain gets on beside one whose debug exceptions have no end (`debug_exceptions`).
#![no_std]
#![no_main]

test_report::guest!(
    test_guests::wake_ups::run,
    only_pvh = "hv itself delivers a PV guest's exceptions"
);
