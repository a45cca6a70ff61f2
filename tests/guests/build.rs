// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hands the linker the layout of a minios image. Every app has this file.
fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../linker/minios.ld");
    println!("cargo:rustc-link-arg-bins=-T{script}");
    println!("cargo:rerun-if-changed={script}");
}
