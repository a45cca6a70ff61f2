// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hands the linker script to the image's link step.

fn main() {
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = format!("{directory}/../../linker/hv.ld");
    println!("cargo:rustc-link-arg-bins=-T{script}");
    println!("cargo:rerun-if-changed={script}");
}
