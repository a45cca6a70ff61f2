// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backend's side of a network interface's two rings (`public/io/netif.h`).
//!
//! The other side is a domU that may write anything there at any time: every index and slot is
//! read once, then checked, and what is wrong costs that domU its packet, or its interface.

mod features;
mod rx;
#[cfg(test)]
mod tests;
mod tx;

pub use features::{BACKEND_FEATURES, FrontendFeatures};
pub use rx::{RxFill, RxSlot, fill, slots_needed};
pub use tx::{Fragment, Reject, TX_RESPONSE_SIZE, TxChain, TxPacket, TxParser};
