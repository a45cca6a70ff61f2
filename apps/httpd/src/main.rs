// SPDX-License-Identifier: MIT OR Apache-2.0
//! An HTTP appliance: static files from its ramdisk.
fn main() {}
