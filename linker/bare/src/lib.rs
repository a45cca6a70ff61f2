// SPDX-License-Identifier: MIT OR Apache-2.0
//! The symbols that the prebuilt `core` and `alloc` expect of a C library and of an unwinder.
//!
//! They exist only in a build for an image (`--cfg bare`): a host binary that links this crate
//! has them from its C library.
#![no_std]

#[cfg(bare)]
mod mem;
#[cfg(bare)]
mod unwind;
