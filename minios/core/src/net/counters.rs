// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the stack counts.

/// Counts since the stack was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets taken from the link.
    pub packets_received: u64,
    /// Packets given to the link.
    pub packets_sent: u64,
    /// Bytes of the packets taken from the link.
    pub bytes_received: u64,
    /// Bytes of the packets given to the link.
    pub bytes_sent: u64,
    /// Packets dropped because their TCP or UDP checksum was wrong.
    pub bad_checksums: u64,
    /// Connections that came to be by a listener.
    pub accepted: u64,
    /// Connection requests dropped for want of room: backlog, handshakes or connections.
    pub dropped_requests: u64,
    /// Old handshakes that gave way to new ones.
    pub evicted_handshakes: u64,
    /// Lingering connections that were cut off to make room.
    pub evicted_lingering: u64,
    /// TCP connections now, in any state that holds buffers.
    pub connections: u64,
}
