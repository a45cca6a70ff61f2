// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain gets on beside one whose alignment checks have no end (`alignment_checks`).
#![no_std]
#![no_main]

test_report::guest!(
    test_guests::wake_ups::run,
    only_pvh = "hv itself delivers a PV guest's exceptions"
);
