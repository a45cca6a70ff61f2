// SPDX-License-Identifier: MIT OR Apache-2.0
//! Build, run, test and measure.
fn main() {}
