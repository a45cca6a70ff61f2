// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a request's target to a path.

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

/// Why a target names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath;

/// The path that a request's target names: without query, percent-decoded, without empty and dot
/// segments, without a slash at its start; a slash at the end stays. A target that climbs above
/// the root, is no valid UTF-8 or has a NUL is bad.
pub fn decode(target: &str) -> Result<String, BadPath> {
    let target = target.split(['?', '#']).next().unwrap_or("");
    let target = match target.split_at_checked("http://".len()) {
        // The absolute form that proxies send.
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http://") => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    };
    if !target.starts_with('/') {
        return Err(BadPath);
    }
    let decoded = percent_decode(target)?;
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop().ok_or(BadPath)?),
            _ => segments.push(segment),
        }
    }
    let mut path = segments.join("/");
    let folder = ["/", "/.", "/.."].iter().any(|end| decoded.ends_with(end));
    if folder && !path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

fn percent_decode(text: &str) -> Result<String, BadPath> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit().ok_or(BadPath)?, digit().ok_or(BadPath)?);
                u8::try_from(high * 16 + low).map_err(|_| BadPath)?
            }
            byte => byte,
        };
        if byte == 0 {
            return Err(BadPath);
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).map_err(|_| BadPath)
}
