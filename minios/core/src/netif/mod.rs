// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frontend's side of network ring slots (`public/io/netif.h`): which slots a packet takes to
//! send, and how received slots make a packet. A backend that lies is counted, nothing more.

mod receive;
#[cfg(test)]
mod tests;
mod transmit;

pub use receive::{Assembler, BadSlot};
pub use transmit::{MAX_TX_SLOTS, TxPages, TxPlan, TxSlot};

/// Bytes of a page, the most that one slot carries.
pub const PAGE: usize = 4096;
