// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words behind `fetch`.

use alloc::format;
use alloc::string::String;

/// The most connections at a time; dom0's stack has a few more.
const MAX_CONNECTIONS: u64 = 128;

/// What to fetch, how often and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// The URL.
    pub url: String,
    /// How many requests.
    pub requests: u64,
    /// On how many connections at a time, each of which takes many requests.
    pub connections: u64,
    /// So many bytes are sent, by PUT, instead of asking for some.
    pub upload: Option<u64>,
    /// Whether what comes is to be shown.
    pub print: bool,
}

impl FetchOptions {
    /// Reads the words; the error is a sentence. `usage` is one, too.
    pub(super) fn parse<'a>(
        mut words: impl Iterator<Item = &'a str>,
        usage: &str,
    ) -> Result<Self, String> {
        let url = String::new();
        let mut options = Self { url, requests: 1, connections: 1, upload: None, print: false };
        while let Some(word) = words.next() {
            let mut number = |most| match words.next().and_then(|word| word.parse().ok()) {
                Some(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(format!("`{word}` takes a number from 1 to {most}")),
            };
            match word {
                "-n" => options.requests = number(u64::MAX)?,
                "-c" => options.connections = number(MAX_CONNECTIONS)?,
                "--upload" => options.upload = Some(number(u64::MAX)?),
                "--print" => options.print = true,
                url if options.url.is_empty() && !url.starts_with('-') => options.url = url.into(),
                _ => return Err(usage.into()),
            }
        }
        if options.url.is_empty() {
            return Err(usage.into());
        }
        Ok(options)
    }
}
