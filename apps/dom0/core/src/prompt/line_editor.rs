// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line as it is typed: the usual keys of a terminal, and a history.

use alloc::string::String;
use alloc::vec::Vec;

/// Longest line in bytes; more is not taken.
const LINE_MAX: usize = 256;
/// Lines remembered.
const HISTORY_MAX: usize = 32;

/// What a byte led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Nothing to show.
    Nothing,
    /// The line looks different now.
    Edited,
    /// The line is done.
    Enter(String),
    /// The line was given up with Ctrl-C.
    Cancel,
}

/// Where in an escape sequence the input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    Begun,
    Parameters,
}

/// The line being typed.
#[derive(Debug, Default)]
pub struct LineEditor {
    line: String,
    history: Vec<String>,
    /// How far back in the history the line was taken from; 0 for a new line.
    back: usize,
    escape: Escape,
    after_return: bool,
}

impl LineEditor {
    /// The line so far.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Takes one typed byte.
    pub fn feed(&mut self, byte: u8) -> Key {
        let after_return = core::mem::replace(&mut self.after_return, byte == b'\r');
        match (self.escape, byte) {
            (_, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Parameters,
            (Escape::Begun, _) => self.escape = Escape::Outside,
            (Escape::Parameters, 0x40..=0x7e) => {
                self.escape = Escape::Outside;
                return self.arrow(byte);
            }
            (Escape::Parameters, _) => {}
            (Escape::Outside, b'\n') if after_return => {}
            (Escape::Outside, _) => return self.plain(byte),
        }
        Key::Nothing
    }

    fn plain(&mut self, byte: u8) -> Key {
        match byte {
            b'\r' | b'\n' => return Key::Enter(self.enter()),
            0x03 => {
                self.line.clear();
                self.back = 0;
                return Key::Cancel;
            }
            0x08 | 0x7f => {
                self.line.pop();
            }
            0x15 => self.line.clear(),
            0x17 => {
                let kept = self.line.trim_end().rfind(' ').map_or(0, |space| space + 1);
                self.line.truncate(kept);
            }
            0x20..=0x7e if self.line.len() < LINE_MAX => self.line.push(char::from(byte)),
            _ => return Key::Nothing,
        }
        Key::Edited
    }

    fn enter(&mut self) -> String {
        self.back = 0;
        let line = core::mem::take(&mut self.line);
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            if self.history.len() == HISTORY_MAX {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        line
    }

    fn arrow(&mut self, byte: u8) -> Key {
        let back = match byte {
            b'A' if self.back < self.history.len() => self.back + 1,
            b'B' if self.back > 0 => self.back - 1,
            _ => return Key::Nothing,
        };
        self.back = back;
        let remembered = self.history.len().checked_sub(back).and_then(|at| self.history.get(at));
        self.line = remembered.cloned().unwrap_or_default();
        Key::Edited
    }
}
