// SPDX-License-Identifier: MIT OR Apache-2.0
//! A compact table of symbol names, made after linking, read by backtraces.
#![no_std]
#![forbid(unsafe_code)]
