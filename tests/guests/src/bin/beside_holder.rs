// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain gets on beside one that keeps the processor by all that a kernel can do (`holder`).
#![no_std]
#![no_main]

test_report::guest!(test_guests::wake_ups::run);
