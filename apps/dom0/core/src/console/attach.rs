// SPDX-License-Identifier: MIT OR Apache-2.0
//! Typing to a domain's console instead of the prompt.

/// The key that leads back to the prompt: Ctrl-].
pub const DETACH_KEY: u8 = 0x1d;

/// Splits typed bytes: what goes to the domain, and what goes to the prompt again, if
/// [`DETACH_KEY`] is among them.
#[must_use]
pub fn split_at_detach(typed: &[u8]) -> (&[u8], Option<&[u8]>) {
    match typed.iter().position(|&byte| byte == DETACH_KEY) {
        Some(at) => (&typed[..at], Some(&typed[at + 1..])),
        None => (typed, None),
    }
}
