// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor image.
fn main() {}
