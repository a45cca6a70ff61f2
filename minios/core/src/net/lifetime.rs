// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connections that no app holds: in the handshake, waiting to be accepted, or lingering after
//! the app let go of them.

use super::limits::Limits;
use super::pool::Pool;
use super::segment::Tuple;
use super::stack::Inner;
use super::time_wait::TimeWait;
use alloc::vec::Vec;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;

/// A handshake this old may give way to a new one, in microseconds.
pub(super) const EVICT_HANDSHAKE_AFTER_US: u64 = 1_000_000;
/// A handshake or a lingering connection that takes longer is given up, in microseconds.
const GIVE_UP_AFTER_US: u64 = 20_000_000;
/// Bytes that a lingering connection may still receive, to be thrown away.
const LINGER_BYTES: usize = 256 * 1024;

/// A connection whose handshake is under way.
pub(super) struct HalfOpen {
    pub(super) handle: SocketHandle,
    pub(super) since_us: u64,
    port: u16,
}

/// A connection that was closed by its app and finishes on its own.
pub(super) struct Lingering {
    pub(super) handle: SocketHandle,
    until_us: u64,
    discarded: usize,
    unsent: usize,
}

/// All TCP connections that no app holds, oldest first, and the pool all come from.
pub(super) struct Connections {
    pub(super) pool: Pool,
    pub(super) half_open: Vec<HalfOpen>,
    pub(super) lingering: Vec<Lingering>,
    pub(super) time_wait: TimeWait,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            pool: Pool::new(limits),
            half_open: Vec::new(),
            lingering: Vec::new(),
            time_wait: TimeWait::new(limits.time_wait),
        }
    }

    pub(super) fn in_use(&self) -> usize {
        self.pool.in_use()
    }

    pub(super) fn half_open_of(&self, port: u16) -> usize {
        self.half_open.iter().filter(|it| it.port == port).count()
    }

    pub(super) fn add_half_open(&mut self, handle: SocketHandle, port: u16, now_us: u64) {
        self.half_open.push(HalfOpen { handle, since_us: now_us, port });
    }

    pub(super) fn add_lingering(&mut self, handle: SocketHandle, now_us: u64) {
        let until_us = now_us + GIVE_UP_AFTER_US;
        self.lingering.push(Lingering { handle, until_us, discarded: 0, unsent: usize::MAX });
    }

    /// When the next one is given up.
    pub(super) fn deadline_us(&self) -> Option<u64> {
        let half_open = self.half_open.first().map(|it| it.since_us + GIVE_UP_AFTER_US);
        half_open.into_iter().chain(self.lingering.iter().map(|it| it.until_us)).min()
    }
}

impl Inner {
    /// Moves connections on after packets were seen and sent.
    pub(super) fn advance(&mut self) {
        self.advance_half_open();
        self.advance_lingering();
    }

    fn advance_half_open(&mut self) {
        let mut index = 0;
        while let Some(it) = self.connections.half_open.get(index) {
            let (handle, port) = (it.handle, it.port);
            let late = it.since_us + GIVE_UP_AFTER_US <= self.now_us;
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
            match socket.state() {
                tcp::State::SynReceived if !late => {
                    index += 1;
                    continue;
                }
                tcp::State::Established | tcp::State::CloseWait => {
                    if self.listeners.offer(port, handle) {
                        self.device.counters.accepted += 1;
                    } else {
                        // Its listener is gone.
                        self.abort(handle);
                    }
                }
                _ => self.discard(handle),
            }
            self.connections.half_open.remove(index);
        }
    }

    fn advance_lingering(&mut self) {
        // Without room the last acknowledgement may not have been sent yet.
        let sent = self.device.link.can_transmit();
        let mut index = 0;
        while let Some(it) = self.connections.lingering.get_mut(index) {
            let handle = it.handle;
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
            it.discarded += socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0);
            // As long as the other side takes what was written, it gets all of it.
            if socket.send_queue() < it.unsent {
                it.unsent = socket.send_queue();
                it.until_us = self.now_us + GIVE_UP_AFTER_US;
            }
            let state = socket.state();
            let tuple = socket.local_endpoint().zip(socket.remote_endpoint());
            match state {
                tcp::State::TimeWait if sent => {
                    if let Some((local, remote)) = tuple {
                        let tuple = Tuple { local: local.into(), remote: remote.into() };
                        self.connections.time_wait.insert(tuple, self.now_us);
                    }
                }
                // After an abort the tuple is there until the reset was sent.
                tcp::State::Closed if tuple.is_none() => {}
                _ if it.until_us <= self.now_us => {}
                _ => {
                    if it.discarded > LINGER_BYTES {
                        socket.abort();
                    }
                    index += 1;
                    continue;
                }
            }
            self.connections.lingering.remove(index);
            self.discard(handle);
        }
    }

    /// Resets a connection.
    pub(super) fn abort(&mut self, handle: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket<'_>>(handle).abort();
        self.linger(handle);
    }

    /// Lets a connection that was closed or aborted finish on its own.
    pub(super) fn linger(&mut self, handle: SocketHandle) {
        self.connections.add_lingering(handle, self.now_us);
        self.wake_driver();
    }
}
