// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP connections.

use super::error::Error;
use super::pool::SILENCE;
use super::stack::Stack;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State};
use smoltcp::time::Duration;

/// How long the other side may take to answer the first packet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A TCP connection. Dropping it resets the connection; [`close`](Self::close) ends it in order.
pub struct TcpStream {
    stack: Stack,
    handle: SocketHandle,
    closed: bool,
}

impl TcpStream {
    pub(super) fn new(stack: &Stack, handle: SocketHandle) -> Self {
        Self { stack: stack.clone(), handle, closed: false }
    }

    /// Connects to `peer`; fails when it refuses or does not answer.
    pub async fn connect(stack: &Stack, peer: SocketAddr) -> Result<Self, Error> {
        let stream = Self::start(stack, peer)?;
        poll_fn(|context| {
            stream.with(|socket| match socket.state() {
                State::SynSent | State::SynReceived => {
                    socket.register_send_waker(context.waker());
                    Poll::Pending
                }
                State::Closed => Poll::Ready(Err(Error::ConnectionReset)),
                _ => Poll::Ready(Ok(())),
            })
        })
        .await?;
        stream.with(|socket| socket.set_timeout(Some(SILENCE)));
        Ok(stream)
    }

    fn start(stack: &Stack, peer: SocketAddr) -> Result<Self, Error> {
        let mut inner = stack.borrow();
        let port = inner.ephemeral_port();
        let mut socket = inner.connections.pool.take().ok_or(Error::TooManySockets)?;
        socket.set_timeout(Some(CONNECT_TIMEOUT));
        if socket.connect(inner.interface.context(), peer, port).is_err() {
            inner.connections.pool.put(socket);
            return Err(Error::Unaddressable);
        }
        let handle = inner.sockets.add(socket);
        inner.wake_driver();
        Ok(Self::new(stack, handle))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Socket<'static>) -> T) -> T {
        f(self.stack.borrow().sockets.get_mut::<Socket<'static>>(self.handle))
    }

    /// The other end; `None` after the connection was reset.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.with(|socket| socket.remote_endpoint()).map(SocketAddr::from)
    }

    /// This end; `None` after the connection was reset.
    pub fn local(&self) -> Option<SocketAddr> {
        self.with(|socket| socket.local_endpoint()).map(SocketAddr::from)
    }

    /// Waits for received bytes and shows them to `f`, which says how many it took and returns
    /// its own result. An empty slice means that the other side has closed.
    pub async fn read_with<T>(
        &mut self,
        mut f: impl FnMut(&[u8]) -> (usize, T),
    ) -> Result<T, Error> {
        poll_fn(|context| self.poll_read(context, &mut f)).await
    }

    fn poll_read<T>(
        &self,
        context: &Context<'_>,
        f: &mut impl FnMut(&[u8]) -> (usize, T),
    ) -> Poll<Result<T, Error>> {
        let mut inner = self.stack.borrow();
        let socket = inner.sockets.get_mut::<Socket<'static>>(self.handle);
        if socket.may_recv() && !socket.can_recv() {
            socket.register_recv_waker(context.waker());
            return Poll::Pending;
        }
        let queued = socket.recv_queue();
        let result = match socket.recv(|bytes| f(bytes)) {
            Ok(result) => result,
            Err(RecvError::Finished) => return Poll::Ready(Ok(f(&[]).1)),
            Err(RecvError::InvalidState) => return Poll::Ready(Err(Error::ConnectionReset)),
        };
        // The window may have to be opened again.
        if queued * 2 >= socket.recv_capacity() {
            inner.wake_driver();
        }
        Poll::Ready(Ok(result))
    }

    /// Waits for room in the transmit buffer and lets `f` fill a piece of it, never empty; `f`
    /// says how many bytes it wrote and returns its own result.
    pub async fn write_with<T>(
        &mut self,
        mut f: impl FnMut(&mut [u8]) -> (usize, T),
    ) -> Result<T, Error> {
        poll_fn(|context| self.poll_write(context, &mut f)).await
    }

    fn poll_write<T>(
        &self,
        context: &Context<'_>,
        f: &mut impl FnMut(&mut [u8]) -> (usize, T),
    ) -> Poll<Result<T, Error>> {
        let mut inner = self.stack.borrow();
        let socket = inner.sockets.get_mut::<Socket<'static>>(self.handle);
        if socket.may_send() && !socket.can_send() {
            socket.register_send_waker(context.waker());
            return Poll::Pending;
        }
        let open = socket.state() != State::Closed;
        let Ok(result) = socket.send(&mut *f) else {
            let error = if open { Error::BrokenPipe } else { Error::ConnectionReset };
            return Poll::Ready(Err(error));
        };
        inner.wake_driver();
        Poll::Ready(Ok(result))
    }

    /// Waits until the other side has acknowledged all that was written.
    pub async fn drained(&mut self) -> Result<(), Error> {
        poll_fn(|context| {
            self.with(|socket| {
                if socket.send_queue() == 0 {
                    return Poll::Ready(Ok(()));
                }
                if socket.state() == State::Closed {
                    return Poll::Ready(Err(Error::ConnectionReset));
                }
                socket.register_send_waker(context.waker());
                Poll::Pending
            })
        })
        .await
    }

    /// Closes the sending half: the other side sees the end after all that was written.
    pub fn shutdown(&mut self) {
        let mut inner = self.stack.borrow();
        inner.sockets.get_mut::<Socket<'static>>(self.handle).close();
        inner.wake_driver();
    }

    /// Ends the connection in order. What was written is still delivered, what comes in is
    /// thrown away; nobody need wait for it.
    pub fn close(mut self) {
        self.shutdown();
        self.closed = true;
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let mut inner = self.stack.borrow();
        let state = inner.sockets.get_mut::<Socket<'static>>(self.handle).state();
        let both_closed = matches!(state, State::Closing | State::LastAck | State::TimeWait);
        if self.closed || both_closed {
            inner.linger(self.handle);
        } else {
            inner.abort(self.handle);
        }
    }
}

impl embedded_io::ErrorType for TcpStream {
    type Error = Error;
}

impl embedded_io_async::Read for TcpStream {
    /// Reads what has come in; 0 means that the other side has closed.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.read_with(|bytes| {
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            (length, length)
        })
        .await
    }
}

impl embedded_io_async::Write for TcpStream {
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        if data.is_empty() {
            return Ok(0);
        }
        self.write_with(|room| {
            let length = room.len().min(data.len());
            room[..length].copy_from_slice(&data[..length]);
            (length, length)
        })
        .await
    }

    /// Nothing is held back: what was written is on its way.
    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
