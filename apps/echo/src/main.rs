// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP and UDP echo.
fn main() {}
