// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domain configurations in the syntax of xl.cfg, so that the same file serves `xl create` on the
//! real Xen.
//!
//! A file is a sequence of `key = value`, one a line; a value is a number, a string in single or
//! double quotes, or a list of values in brackets, which may go over several lines. `#` begins a
//! comment. A key that is not known here is an error, so that nothing is silently left out.

mod domain;
mod syntax;
#[cfg(test)]
mod tests;
mod vif;

use alloc::string::String;
use core::fmt;

pub use domain::{Action, DomainConfig, Kind, Paging};
pub use minios_core::mac_address::MacAddress;
pub use vif::Vif;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the file.
    pub file: String,
    /// Line in it, from 1.
    pub line: usize,
    /// The key concerned; empty if the line has none.
    pub key: String,
    /// What is wrong, a phrase.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

impl core::error::Error for ConfigError {}
