// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the terminal shows: lines of many sources, and below them the prompt with what has been
//! typed so far. The hypervisor puts a carriage return before each newline.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Back to the line's beginning, and erase it.
const ERASE: &[u8] = b"\r\x1b[K";

/// Keeps lines and prompt apart.
#[derive(Debug, Default)]
pub struct Screen {
    /// The prompt with the text behind it, while it is shown.
    prompt: Option<String>,
}

impl Screen {
    /// A terminal without prompt.
    #[must_use]
    pub const fn new() -> Self {
        Self { prompt: None }
    }

    /// The bytes that show a whole line above the prompt.
    #[must_use]
    pub fn line(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        if self.prompt.is_some() {
            out.extend_from_slice(ERASE);
        }
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\n");
        if let Some(prompt) = &self.prompt {
            out.extend_from_slice(prompt.as_bytes());
        }
        out
    }

    /// The bytes that show a domain's line.
    #[must_use]
    pub fn domain_line(&self, name: &str, text: &str) -> Vec<u8> {
        self.line(&format!("[{name}] {text}"))
    }

    /// The bytes that show `prompt` in place of the one before.
    pub fn show_prompt(&mut self, prompt: String) -> Vec<u8> {
        let mut out = Vec::new();
        let before = self.prompt.as_deref();
        if let Some(added) = before.and_then(|before| prompt.strip_prefix(before)) {
            out.extend_from_slice(added.as_bytes());
        } else {
            if before.is_some() {
                out.extend_from_slice(ERASE);
            }
            out.extend_from_slice(prompt.as_bytes());
        }
        self.prompt = Some(prompt);
        out
    }

    /// The prompt stays where it is as a line that is done; what comes next stands below.
    pub fn leave_prompt(&mut self) -> Vec<u8> {
        match self.prompt.take() {
            Some(_) => b"\n".to_vec(),
            None => Vec::new(),
        }
    }
}
