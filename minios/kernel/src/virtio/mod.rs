// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtio devices of the first domain (Virtual I/O Device specification 1.2).

mod net;
mod queue;
mod transport;

pub use net::VirtioNet;
