// SPDX-License-Identifier: MIT OR Apache-2.0
//! `http://ADDRESS[:PORT][/PATH]`.

use alloc::string::String;
use core::net::{IpAddr, SocketAddr};

const HTTP_PORT: u16 = 80;

/// Where to get something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The server.
    pub peer: SocketAddr,
    /// What it is to be asked for, from the slash on.
    pub path: String,
}

impl Url {
    /// Reads a URL whose host is an IP address, one of IPv6 in brackets.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        let peer = host.parse().ok().or_else(|| Some((address(host)?, HTTP_PORT).into()))?;
        Some(Self { peer, path: path.into() })
    }
}

fn address(host: &str) -> Option<IpAddr> {
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}
