// SPDX-License-Identifier: MIT OR Apache-2.0
//! The prompt on the serial console: editing a line, and what the line asks for.

mod command;
mod fetch_options;
mod line_editor;
#[cfg(test)]
mod tests;

pub use command::{COMMANDS, Command, CommandHelp};
pub use fetch_options::FetchOptions;
pub use line_editor::{Key, LineEditor};
