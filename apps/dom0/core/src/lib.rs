// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pure logic of the first domain, tested on the host: the xenstore daemon, the domain
//! configuration language, the prompt and the merging of consoles. Nothing here knows of rings,
//! hypercalls or tasks: `apps/dom0` gives these their bytes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod config;
pub mod console;
pub mod domain_nodes;
pub mod http;
pub mod network;
pub mod prompt;
pub mod store;
pub mod xenstored;

pub use xen_abi::domain::DomId;
