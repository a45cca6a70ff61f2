// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a domain's bytes to lines that can do no harm to a terminal.

use alloc::string::String;
use alloc::vec::Vec;

/// Longest line in characters; a longer one is cut in several.
pub const LINE_MAX: usize = 512;

/// Where in an escape sequence the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    /// Nowhere.
    #[default]
    Outside,
    /// Behind ESC.
    Begun,
    /// Behind ESC [ : parameters until a letter.
    Parameters,
}

/// Gathers what one domain prints until a line is whole. Escape sequences and control characters
/// are left out: they could move the cursor into what others print.
#[derive(Debug, Default)]
pub struct LineJoiner {
    line: String,
    escape: Escape,
}

impl LineJoiner {
    /// Takes bytes and returns the lines that became whole.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                self.escape = Escape::Outside;
                lines.push(core::mem::take(&mut self.line));
                continue;
            }
            self.take(byte);
            if self.line.len() >= LINE_MAX {
                lines.push(core::mem::take(&mut self.line));
            }
        }
        lines
    }

    /// What waits for the end of its line, if anything does.
    pub fn flush(&mut self) -> Option<String> {
        let line = core::mem::take(&mut self.line);
        if line.is_empty() { None } else { Some(line) }
    }

    fn take(&mut self, byte: u8) {
        match (self.escape, byte) {
            (_, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[') => self.escape = Escape::Parameters,
            (Escape::Begun, _) | (Escape::Parameters, 0x40..=0x7e) => {
                self.escape = Escape::Outside;
            }
            (Escape::Parameters, _) => {}
            (Escape::Outside, b'\t') => self.line.push(' '),
            (Escape::Outside, 0x20..=0x7e) => self.line.push(char::from(byte)),
            (Escape::Outside, 0x80..) => self.line.push('?'),
            (Escape::Outside, _) => {}
        }
    }
}
