// SPDX-License-Identifier: MIT OR Apache-2.0
//! The domain's command line: words, and `key=value` words. A value may be quoted.

#[cfg(test)]
mod tests;

/// The words of a command line, quotes removed.
pub fn words(line: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = line;
    core::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c.is_whitespace() && !quoted
        });
        let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        Some(match word.split_once('=') {
            Some((key, value)) => (key, Some(value.trim_matches('"'))),
            None => (word, None),
        })
    })
}

/// The value of the last `key=value`; "" for a bare `key`.
///
/// ```
/// use minios_core::command_line::value;
/// assert_eq!(value("ip=10.0.2.16/24 quiet", "ip"), Some("10.0.2.16/24"));
/// assert_eq!(value("ip=10.0.2.16/24 quiet", "quiet"), Some(""));
/// assert_eq!(value("ip=10.0.2.16/24 quiet", "gw"), None);
/// ```
#[must_use]
pub fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    words(line).filter(|&(name, _)| name == key).last().map(|(_, value)| value.unwrap_or(""))
}
