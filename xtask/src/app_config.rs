// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few keys of a domain's cfg file that matter for making the ramdisk it lies in.
//!
//! dom0 reads the file itself, and is the one to refuse what is wrong in it.
use anyhow::{Context, Result};

#[cfg(test)]
mod tests;

/// What a cfg says of files and of the network.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AppConfig {
    pub(crate) name: String,
    pub(crate) kernel: String,
    pub(crate) ramdisk: Option<String>,
    extra: String,
}

impl AppConfig {
    /// Reads the cfg `text`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let key = |key| text.lines().rev().find_map(|line| value(line, key));
        Ok(Self {
            name: key("name").context("the key `name` is missing")?,
            kernel: key("kernel").context("the key `kernel` is missing")?,
            ramdisk: key("ramdisk"),
            extra: key("extra").unwrap_or_default(),
        })
    }

    /// The static IPv4 address, without the length of the prefix.
    pub(crate) fn address(&self) -> Option<&str> {
        let word = self.extra.split_whitespace().find_map(|word| word.strip_prefix("ip="))?;
        word.split('/').next()
    }
}

/// The text that `line` gives to `key`.
fn value(line: &str, key: &str) -> Option<String> {
    let rest = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let inner = rest.get(1..)?;
    Some(inner.split(quote).next()?.to_owned())
}
