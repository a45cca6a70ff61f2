// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network interfaces of a domain: `mac=00:16:3e:01:02:03,bridge=xenbr0`.

use alloc::format;
use alloc::string::String;

use minios_core::mac_address::MacAddress;

/// One entry of the list `vif`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vif {
    /// Its address; the toolstack makes one up if there is none.
    pub mac: Option<MacAddress>,
    /// The bridge it is on; dom0 has one only, under whichever name.
    pub bridge: Option<String>,
    /// The IPv4 address the domain is said to use; for information.
    pub ip: Option<String>,
}

impl Vif {
    /// Reads an entry; the error is a phrase.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut vif = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is not key=value"))?;
            let (key, value) = (key.trim(), value.trim());
            match key {
                "mac" => vif.mac = Some(parse_mac(value)?),
                "bridge" => vif.bridge = Some(String::from(value)),
                "ip" => vif.ip = Some(String::from(value)),
                "type" if value == "vif" => {}
                _ => return Err(format!("unknown part `{part}`")),
            }
        }
        Ok(vif)
    }
}

fn parse_mac(text: &str) -> Result<MacAddress, String> {
    let mac: MacAddress = text.parse().map_err(|error| format!("`{text}` is {error}"))?;
    if mac.is_unicast() { Ok(mac) } else { Err(format!("{mac} is no address for one interface")) }
}
