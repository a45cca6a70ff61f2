// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client's side of HTTP/1.1, as far as `fetch` at the prompt wants it: URLs, heads of
//! answers, and pages.

mod answer;
mod page;
#[cfg(test)]
mod tests;
mod url;

pub use answer::{AnswerHead, BadAnswer};
pub use page::Page;
pub use url::Url;
