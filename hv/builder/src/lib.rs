// SPDX-License-Identifier: MIT OR Apache-2.0
//! ELF image and notes to the initial memory of a domain.
#![no_std]
#![forbid(unsafe_code)]
