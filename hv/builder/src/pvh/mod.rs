// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building PVH domains: an image with a note PHYS32_ENTRY, in memory that the guest sees from
//! physical address 0 on (Xen's `docs/misc/pvh.pandoc`).
//!
//! - [`image`]: the image, by physical addresses.
//! - [`layout`]: which frame of the guest holds what.
//! - [`populate`]: writing it.
//! - [`acpi`]: the few tables that such a guest finds.
//! - [`cpu`]: the state in which the virtual CPU starts.
pub mod acpi;
pub mod cpu;
pub mod image;
pub mod layout;
pub mod populate;
#[cfg(test)]
mod tests;

pub use cpu::{start_memory_types, start_state};
pub use image::PvhImage;
pub use layout::PvhLayout;
pub use populate::populate;
