// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much the stack may hold.

/// Bounds on sockets and buffers. smoltcp scans its sockets for every packet, so a few hundred
/// connections are a limit of time as much as of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections at a time, in any state that holds buffers.
    pub connections: usize,
    /// How many of them get large buffers; the rest are served with small ones.
    pub large_connections: usize,
    /// Bytes of a large receive buffer.
    pub large_receive: usize,
    /// Bytes of a large transmit buffer.
    pub large_transmit: usize,
    /// Bytes of a small receive buffer.
    pub small_receive: usize,
    /// Bytes of a small transmit buffer.
    pub small_transmit: usize,
    /// Connections whose handshake is under way; more requests are dropped, to be repeated.
    pub half_open: usize,
    /// Closed connections that are remembered as a tuple for the time of TIME-WAIT.
    pub time_wait: usize,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl Limits {
    /// Bounds for a domain of `memory` bytes: all buffers together stay below a quarter of it.
    pub fn for_memory(memory: usize) -> Self {
        let large = |connections, large_connections| Self {
            connections,
            large_connections,
            large_receive: 32 * KIB,
            large_transmit: 64 * KIB,
            small_receive: 4 * KIB,
            small_transmit: 8 * KIB,
            half_open: connections / 2,
            time_wait: 1024,
        };
        match memory / MIB {
            0..12 => Self {
                connections: 48,
                large_connections: 16,
                large_receive: 8 * KIB,
                large_transmit: 32 * KIB,
                small_receive: 4 * KIB,
                small_transmit: 4 * KIB,
                half_open: 32,
                time_wait: 256,
            },
            12..32 => large(128, 20),
            _ => large(256, 48),
        }
    }
}
