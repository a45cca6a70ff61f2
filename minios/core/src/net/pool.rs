// SPDX-License-Identifier: MIT OR Apache-2.0
//! smoltcp sockets with their buffers, kept for reuse: a new connection allocates and clears
//! nothing.

use super::limits::Limits;
use alloc::vec;
use alloc::vec::Vec;
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Duration;

/// A connection with data under way whose other side is silent that long is over.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

pub(super) struct Pool {
    limits: Limits,
    large: Vec<Socket<'static>>,
    small: Vec<Socket<'static>>,
    large_in_use: usize,
    in_use: usize,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, large: Vec::new(), small: Vec::new(), large_in_use: 0, in_use: 0 }
    }

    /// Sockets that are out.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// A closed socket; `None` if the bound is reached.
    pub(super) fn take(&mut self) -> Option<Socket<'static>> {
        if self.in_use >= self.limits.connections {
            return None;
        }
        self.in_use += 1;
        let limits = &self.limits;
        let (kept, receive, transmit) = if self.large_in_use < limits.large_connections {
            self.large_in_use += 1;
            (&mut self.large, limits.large_receive, limits.large_transmit)
        } else {
            (&mut self.small, limits.small_receive, limits.small_transmit)
        };
        let mut socket = kept.pop().unwrap_or_else(|| {
            Socket::new(SocketBuffer::new(vec![0; receive]), SocketBuffer::new(vec![0; transmit]))
        });
        // A socket that is used again keeps its congestion window otherwise.
        socket.set_congestion_control(CongestionControl::None);
        socket.set_congestion_control(CongestionControl::Reno);
        // Apps write whole messages; waiting for more would only delay them.
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENCE));
        Some(socket)
    }

    /// Takes a socket back, whatever its state.
    pub(super) fn put(&mut self, mut socket: Socket<'static>) {
        socket.abort();
        self.in_use -= 1;
        if socket.recv_capacity() == self.limits.large_receive
            && socket.send_capacity() == self.limits.large_transmit
        {
            self.large_in_use -= 1;
            self.large.push(socket);
        } else {
            self.small.push(socket);
        }
    }
}
