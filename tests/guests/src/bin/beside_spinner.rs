// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain gets on beside one that spins (`spinner`): each wake-up preempts it.
#![no_std]
#![no_main]

test_report::guest!(test_guests::wake_ups::run);
