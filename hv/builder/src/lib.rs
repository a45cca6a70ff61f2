// SPDX-License-Identifier: MIT OR Apache-2.0
//! From an ELF image to the initial memory of a PV domain.
//!
//! The hypervisor builds its first domain with this crate, the toolstack in dom0 every other one.
//! It runs in four steps, all of them safe code that treats the image as foreign bytes:
//!
//! 1. [`Image::parse`] reads the ELF headers and the Xen notes ([`notes`]);
//! 2. [`Layout::plan`] decides which pfn holds what: kernel, ramdisk, p2m list, start_info,
//!    xenstore and console pages, page tables, stack;
//! 3. the caller allocates the domain's frames and says where they are ([`DomainMemory`]);
//! 4. [`populate`] writes everything and returns the registers to start with.
//!
//! ```
//! # use domain_builder::{Image, ImageError};
//! assert_eq!(Image::parse(b"#!/bin/sh").err(), Some(ImageError::NotElf));
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

pub mod error;
pub mod hypercall_page;
pub mod image;
pub mod layout;
mod legacy;
pub mod memory;
pub mod notes;
mod page_tables;
pub mod populate;
pub mod pvh;
#[cfg(test)]
mod tests;

pub use error::{BuildError, ImageError};
pub use image::Image;
pub use layout::{Layout, P2mWindow, Params};
pub use memory::DomainMemory;
pub use populate::{Connections, Start, populate};
