// SPDX-License-Identifier: MIT OR Apache-2.0
//! A unikernel library.
#![no_std]
