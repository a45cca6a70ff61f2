// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few keys of a domain's cfg file that matter for making the ramdisk it lies in.
//!
//! dom0 reads the file itself, and is the one to refuse what is wrong in it.
use anyhow::{Context, Result};

use crate::qemu::FIRST_LEASE;

#[cfg(test)]
mod tests;

/// What a cfg says of files and of the network.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct AppConfig {
    pub(crate) name: String,
    pub(crate) kernel: String,
    pub(crate) ramdisk: Option<String>,
    extra: String,
    has_vif: bool,
}

impl AppConfig {
    /// Reads the cfg `text`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let key = |key| text.lines().rev().find_map(|line| value(line, key));
        let needed =
            |name| key(name).with_context(|| format!("no line says `{name} = \"...\"`, in quotes"));
        Ok(Self {
            name: needed("name")?,
            kernel: needed("kernel")?,
            ramdisk: key("ramdisk"),
            extra: key("extra").unwrap_or_default(),
            has_vif: text
                .lines()
                .any(|line| assigned(line, "vif").is_some_and(|list| !list.starts_with("[]"))),
        })
    }

    /// The IPv4 address that the domain will have, without the length of the prefix: a static one,
    /// or what DHCP gives to who asks first. `None` without a network interface.
    pub(crate) fn address(&self) -> Option<&str> {
        let word = self.extra.split_whitespace().find_map(|word| word.strip_prefix("ip="));
        match word {
            Some(address) if address != "dhcp" => address.split('/').next(),
            _ => self.has_vif.then_some(FIRST_LEASE),
        }
    }
}

/// What `line` gives to `key`.
fn assigned<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    Some(line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start())
}

/// The text that `line` gives to `key`.
fn value(line: &str, key: &str) -> Option<String> {
    let rest = assigned(line, key)?;
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let inner = rest.get(1..)?;
    Some(inner.split(quote).next()?.to_owned())
}
