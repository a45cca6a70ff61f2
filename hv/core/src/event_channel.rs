// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels, two-level form (`public/event_channel.h`).
//!
//! - [`port`]: what a port is connected to.
//! - [`table`]: a domain's ports, and the operations on one domain.
//! - [`pair`]: the operations on two domains: connect, close, and the rule for their locks.
//! - [`raise`]: how an event becomes visible to a guest.
//! - [`audit`]: whether both ends of every channel agree.
//!
//! All of it is pure: a caller looks domains up, holds their locks and wakes vcpus.

pub mod audit;
pub mod pair;
pub mod port;
pub mod raise;
pub mod table;

#[cfg(test)]
mod tests;
