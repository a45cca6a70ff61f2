// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses the stack has.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// The addresses in use, by the configuration or from DHCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Own addresses and their prefix lengths.
    pub own: Vec<(IpAddr, u8)>,
    /// The IPv4 gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
}
