// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much one domain may print: a serial line is slow, and others want to use it too.

/// Bytes that may be printed at once after a silence.
const BURST_BYTES: u64 = 256 * 1024;
/// Bytes that may be printed in the long run, for each second.
const BYTES_PER_SECOND: u64 = 64 * 1024;

/// What a domain may still print. Beyond it, its ring is left full, and the domain waits.
#[derive(Debug)]
pub struct Allowance {
    bytes: u64,
    counted_ms: u64,
}

impl Allowance {
    /// A full allowance at the time `now_ms`.
    #[must_use]
    pub fn new(now_ms: u64) -> Self {
        Self { bytes: BURST_BYTES, counted_ms: now_ms }
    }

    /// Whether nothing may be printed at the time `now_ms`.
    pub fn is_spent(&mut self, now_ms: u64) -> bool {
        let earned = now_ms.saturating_sub(self.counted_ms).saturating_mul(BYTES_PER_SECOND) / 1000;
        if earned > 0 {
            self.counted_ms = now_ms;
            self.bytes = self.bytes.saturating_add(earned).min(BURST_BYTES);
        }
        self.bytes == 0
    }

    /// Counts bytes that were printed.
    pub fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }
}
