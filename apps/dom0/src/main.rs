// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first domain: xenstored, console daemon, switch, netback and toolstack.
fn main() {}
