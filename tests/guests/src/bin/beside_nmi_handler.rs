// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain gets on beside one that never leaves its NMI handler (`nmi_handler`).
#![no_std]
#![no_main]

test_report::guest!(
    test_guests::wake_ups::run,
    only_pvh = "an NMI of a PV guest holds nothing back but another"
);
