// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ethernet addresses.

use core::fmt;
use core::str::FromStr;

/// A 48-bit Ethernet address; its text form is the one of xenstore's `mac` key, `00:16:3e:01:02:03`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The address every station listens to.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the address names a group (which includes broadcast).
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether the address can be a station's own: no group, not all zero.
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self.0 != [0; 6]
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMacAddress;

impl fmt::Display for BadMacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Ethernet address such as 00:16:3e:01:02:03")
    }
}

impl core::error::Error for BadMacAddress {}

impl FromStr for MacAddress {
    type Err = BadMacAddress;

    fn from_str(text: &str) -> Result<Self, BadMacAddress> {
        let mut bytes = [0; 6];
        let mut parts = text.trim().split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(BadMacAddress)?;
            if part.is_empty() || part.len() > 2 || part.starts_with('+') {
                return Err(BadMacAddress);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| BadMacAddress)?;
        }
        if parts.next().is_some() { Err(BadMacAddress) } else { Ok(Self(bytes)) }
    }
}
