// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses from the kernel command line: `ip=10.0.2.16/24 gw=10.0.2.2 dns=10.0.2.3`, or
//! `ip=dhcp`, which is also what no `ip=` means.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

/// A static IPv4 configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4Config {
    /// Own address.
    pub address: Ipv4Addr,
    /// Bits of the network part.
    pub prefix: u8,
    /// Where packets for other networks go.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
}

/// How the stack gets its IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// From a DHCP server.
    Dhcp,
    /// As given.
    Static(Ipv4Config),
}

/// A word of the command line that is no address; holds the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadConfig(pub String);

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: expected ip=A.B.C.D/BITS or ip=dhcp, gw=A.B.C.D, dns=A.B.C.D,..", self.0)
    }
}

impl core::error::Error for BadConfig {}

impl Config {
    /// Reads `ip=`, `gw=` and `dns=` from a command line; other words are not looked at.
    pub fn parse(command_line: &str) -> Result<Self, BadConfig> {
        let mut address = None;
        let mut gateway = None;
        let mut dns = Vec::new();
        for word in command_line.split_ascii_whitespace() {
            let bad = || BadConfig(word.into());
            match word.split_once('=') {
                Some(("ip", "dhcp")) => address = None,
                Some(("ip", value)) => address = Some(parse_cidr(value).ok_or_else(bad)?),
                Some(("gw", value)) => gateway = Some(parse_host(value).ok_or_else(bad)?),
                Some(("dns", list)) => {
                    for value in list.split(',') {
                        dns.push(parse_host(value).ok_or_else(bad)?);
                    }
                }
                _ => {}
            }
        }
        Ok(match address {
            None => Self::Dhcp,
            Some((address, prefix)) => Self::Static(Ipv4Config { address, prefix, gateway, dns }),
        })
    }
}

fn parse_host(text: &str) -> Option<Ipv4Addr> {
    let address: Ipv4Addr = text.parse().ok()?;
    let unusable = address.is_unspecified() || address.is_multicast() || address.is_broadcast();
    (!unusable).then_some(address)
}

fn parse_cidr(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "24"));
    let prefix: u8 = prefix.parse().ok()?;
    (prefix <= 32).then_some((parse_host(address)?, prefix))
}
