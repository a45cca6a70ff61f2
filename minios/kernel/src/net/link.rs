// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is below the stack: packets, and the interface they come in and go out by. The stack
//! runs over any [`Link`]: [`Netfront`](crate::netfront::Netfront) or one of an app's own.

pub use minios_core::link::{Capabilities, Link, LinkCounters};
pub use minios_core::mac_address::{BadMacAddress, MacAddress};
pub use minios_core::packet::{Checksum, Gso, GsoKind, Headers, MAX_PACKET, NetworkLayer, Packet};
