// SPDX-License-Identifier: MIT OR Apache-2.0
//! dom0's network without its hardware: the switch, and netback's view of a frontend's rings.
//!
//! ```text
//! virtio-net --- port --- +--------+ --- port --- netback --- rings --- netfront in a domU
//!                         | switch |
//! dom0's stack - port --- +--------+ --- port --- netback --- rings --- netfront in a domU
//! ```

pub mod netback;
pub mod segmentation;
pub mod switch;

#[cfg(test)]
pub(crate) mod test_packets;
