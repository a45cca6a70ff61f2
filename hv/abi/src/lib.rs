// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Xen interface as types.
#![no_std]
#![forbid(unsafe_code)]
