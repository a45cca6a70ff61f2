// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packets the sockets get to see: a request for a connection gets a socket here, or is
//! dropped so that the client repeats it.

use super::lifetime::EVICT_HANDSHAKE_AFTER_US;
use super::segment::{FIN, SYN, Segment, Tuple};
use super::stack::Inner;
use crate::packet::Packet;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::{Socket, tcp};

/// What happens to a packet.
pub(super) enum Verdict {
    /// Nobody sees it.
    Drop,
    /// It is answered at once by this packet.
    Answer(Packet),
    /// The sockets see it.
    Pass,
    /// The sockets see it, and this one was made for it.
    Request {
        /// The socket, which listens.
        handle: SocketHandle,
        /// The port of the listener.
        port: u16,
    },
}

impl Inner {
    /// Judges a packet whose checksum is right.
    pub(super) fn admit(&mut self, packet: &Packet) -> Verdict {
        let Some(segment) = Segment::parse(packet) else { return Verdict::Pass };
        if segment.is_request() {
            return self.admit_request(&segment.tuple);
        }
        let lingers = segment.flags & (SYN | FIN) == FIN
            && self.connections.time_wait.contains(&segment.tuple, self.now_us);
        match lingers.then(|| segment.acknowledgement(packet)).flatten() {
            Some(reply) => Verdict::Answer(reply),
            None => Verdict::Pass,
        }
    }

    fn admit_request(&mut self, tuple: &Tuple) -> Verdict {
        let port = tuple.local.port();
        let ours = self.interface.has_ip_addr(tuple.local.ip());
        let Some(listener) = self.listeners.get(port).filter(|_| ours) else {
            return Verdict::Pass;
        };
        if self.has_connection(tuple) {
            return Verdict::Pass;
        }
        if listener.is_full(self.connections.half_open_of(port)) || !self.make_room() {
            self.device.counters.dropped_requests += 1;
            return Verdict::Drop;
        }
        let Some(mut socket) = self.connections.pool.take() else {
            self.device.counters.dropped_requests += 1;
            return Verdict::Drop;
        };
        if socket.listen(smoltcp::wire::IpListenEndpoint::from(tuple.local)).is_err() {
            self.connections.pool.put(socket);
            return Verdict::Drop;
        }
        self.connections.time_wait.remove(tuple);
        Verdict::Request { handle: self.sockets.add(socket), port }
    }

    fn has_connection(&self, tuple: &Tuple) -> bool {
        self.sockets.iter().any(|(_, socket)| match socket {
            Socket::Tcp(socket) => {
                socket.remote_endpoint() == Some(tuple.remote.into())
                    && socket.local_endpoint() == Some(tuple.local.into())
            }
            _ => false,
        })
    }

    /// Sees to it that one more handshake and one more connection are within the bounds.
    fn make_room(&mut self) -> bool {
        if self.connections.half_open.len() >= self.limits.half_open {
            let oldest = self.connections.half_open.first();
            if oldest.is_none_or(|it| it.since_us + EVICT_HANDSHAKE_AFTER_US > self.now_us) {
                return false;
            }
            let oldest = self.connections.half_open.remove(0);
            self.device.counters.evicted_handshakes += 1;
            self.discard(oldest.handle);
        }
        if self.connections.in_use() < self.limits.connections {
            return true;
        }
        if self.connections.lingering.is_empty() {
            return false;
        }
        let oldest = self.connections.lingering.remove(0);
        self.device.counters.evicted_lingering += 1;
        self.discard(oldest.handle);
        true
    }

    /// Files the socket that was made for a request, now that it has seen the request.
    pub(super) fn settle(&mut self, handle: SocketHandle, port: u16) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        if socket.state() == tcp::State::SynReceived {
            self.connections.add_half_open(handle, port, self.now_us);
        } else {
            self.discard(handle);
        }
    }

    /// Takes a socket out of the set at once; what it still had to send is not sent.
    pub(super) fn discard(&mut self, handle: SocketHandle) {
        if let Socket::Tcp(socket) = self.sockets.remove(handle) {
            self.connections.pool.put(socket);
        }
    }
}
