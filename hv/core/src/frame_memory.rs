// SPDX-License-Identifier: MIT OR Apache-2.0
//! Access to the contents of machine frames.
use xen_abi::frame::{Maddr, Mfn};

/// Machine memory by address. The kernel implements it over the direct map, tests over a vector.
///
/// Callers pass addresses inside frames that the [`crate::frame_table::FrameTable`] covers, 8-byte
/// aligned; an implementation may panic on any other.
pub trait FrameMemory {
    /// Reads the 8 bytes at `at` with one access.
    fn read_u64(&self, at: Maddr) -> u64;

    /// Writes the 8 bytes at `at` with one access.
    fn write_u64(&self, at: Maddr, value: u64);

    /// Replaces `current` at `at` by `new`, atomically.
    ///
    /// # Errors
    /// The value found, where that is not `current`; nothing was written then.
    fn compare_exchange_u64(&self, at: Maddr, current: u64, new: u64) -> Result<(), u64>;

    /// Fills a frame with zero bytes.
    fn zero_frame(&self, frame: Mfn);

    /// Copies the contents of frame `from` to frame `to`.
    fn copy_frame(&self, from: Mfn, to: Mfn);
}
