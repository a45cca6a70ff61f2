// SPDX-License-Identifier: MIT OR Apache-2.0
//! The HTTP server apart from its machine: parsing, answers and the life of a connection, tested
//! on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod body;
pub mod connections;
pub mod content_type;
pub mod date;
pub mod etag;
pub mod metrics;
pub mod page;
pub mod path;
pub mod pattern;
pub mod range;
pub mod request;
pub mod request_log;
pub mod response;
pub mod serve;
pub mod site;
pub mod stats;
pub mod upload;
