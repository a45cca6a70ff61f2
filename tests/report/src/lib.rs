// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdict protocol of the test guests.
#![no_std]
#![forbid(unsafe_code)]
