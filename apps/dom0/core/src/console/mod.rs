// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many consoles on one serial line: whole lines with the domain's name in front, around the
//! prompt that a person types at.

mod allowance;
mod attach;
mod line_joiner;
mod screen;
mod scrollback;
#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use attach::{DETACH_KEY, split_at_detach};
pub use line_joiner::{LINE_MAX, LineJoiner};
pub use screen::Screen;
pub use scrollback::Scrollback;
