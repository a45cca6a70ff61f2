// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's side of HTTP/1.1, as far as `fetch` at the prompt wants it: URLs, and heads of
//! answers.

mod answer;
#[cfg(test)]
mod tests;
mod url;

pub use answer::{AnswerHead, BadAnswer};
pub use url::Url;
