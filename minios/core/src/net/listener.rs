// SPDX-License-Identifier: MIT OR Apache-2.0
//! Listening TCP ports, each with a backlog.

use super::error::Error;
use super::stack::Stack;
use super::tcp::TcpStream;
use alloc::collections::{BTreeMap, VecDeque};
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Poll, Waker};
use smoltcp::iface::SocketHandle;

/// Accepts TCP connections on one port. Dropping it resets the connections that wait.
pub struct TcpListener {
    stack: Stack,
    port: u16,
}

impl TcpListener {
    /// Listens on `port` of all addresses. Up to `backlog` connections wait for
    /// [`accept`](Self::accept), handshakes included; further requests are dropped, and clients
    /// repeat them.
    pub fn bind(stack: &Stack, port: u16, backlog: usize) -> Result<Self, Error> {
        if port == 0 {
            return Err(Error::Unaddressable);
        }
        if !stack.borrow().listeners.add(port, backlog.max(1)) {
            return Err(Error::AddressInUse);
        }
        Ok(Self { stack: stack.clone(), port })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection, and who it is with.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let handle = poll_fn(|context| {
            match self.stack.borrow().listeners.take(self.port, context.waker()) {
                Some(handle) => Poll::Ready(handle),
                None => Poll::Pending,
            }
        })
        .await;
        let stream = TcpStream::new(&self.stack, handle);
        // One that was reset while it waited has no other end any more.
        let peer = stream.peer().unwrap_or(SocketAddr::from(([0; 4], 0)));
        (stream, peer)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let mut inner = self.stack.borrow();
        for handle in inner.listeners.remove(self.port) {
            inner.abort(handle);
        }
    }
}

/// One listener as the stack sees it.
pub(super) struct Queue {
    backlog: usize,
    waiting: VecDeque<SocketHandle>,
    waker: Option<Waker>,
}

impl Queue {
    /// Whether no more can wait, given how many handshakes are under way for it.
    pub(super) fn is_full(&self, half_open: usize) -> bool {
        self.waiting.len() + half_open >= self.backlog
    }
}

/// All listeners, by port.
#[derive(Default)]
pub(super) struct Listeners(BTreeMap<u16, Queue>);

impl Listeners {
    pub(super) fn get(&self, port: u16) -> Option<&Queue> {
        self.0.get(&port)
    }

    /// Whether `port` was free, and is not any more.
    fn add(&mut self, port: u16, backlog: usize) -> bool {
        if self.0.contains_key(&port) {
            return false;
        }
        self.0.insert(port, Queue { backlog, waiting: VecDeque::new(), waker: None });
        true
    }

    fn remove(&mut self, port: u16) -> VecDeque<SocketHandle> {
        self.0.remove(&port).map(|queue| queue.waiting).unwrap_or_default()
    }

    fn take(&mut self, port: u16, waker: &Waker) -> Option<SocketHandle> {
        let queue = self.0.get_mut(&port)?;
        let handle = queue.waiting.pop_front();
        if handle.is_none() {
            queue.waker = Some(waker.clone());
        }
        handle
    }

    /// Queues a connection for its listener; false if there is none.
    pub(super) fn offer(&mut self, port: u16, handle: SocketHandle) -> bool {
        let Some(queue) = self.0.get_mut(&port) else { return false };
        queue.waiting.push_back(handle);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
        true
    }
}
