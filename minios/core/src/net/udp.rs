// SPDX-License-Identifier: MIT OR Apache-2.0
//! UDP sockets.

use super::error::Error;
use super::stack::Stack;
use alloc::vec;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::Poll;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{self, PacketBuffer, PacketMetadata, RecvError, SendError};

/// Datagrams that wait in each direction.
const DATAGRAMS: usize = 16;
/// Bytes of the datagrams that wait in each direction.
const BYTES: usize = 16 * 1024;

/// A UDP socket bound to a port.
pub struct UdpSocket {
    stack: Stack,
    handle: SocketHandle,
    port: u16,
}

impl UdpSocket {
    /// Binds `port` of all addresses; 0 chooses one.
    pub fn bind(stack: &Stack, port: u16) -> Result<Self, Error> {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; DATAGRAMS], vec![0; BYTES]);
        let mut inner = stack.borrow();
        let port = if port == 0 { inner.ephemeral_port() } else { port };
        let taken = inner.sockets.iter().any(|(_, socket)| {
            matches!(socket, smoltcp::socket::Socket::Udp(it) if it.endpoint().port == port)
        });
        if taken {
            return Err(Error::AddressInUse);
        }
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).map_err(|_| Error::Unaddressable)?;
        let handle = inner.sockets.add(socket);
        drop(inner);
        Ok(Self { stack: stack.clone(), handle, port })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a datagram; returns its length and who sent it. What does not fit into `buffer`
    /// is an error, and the datagram is lost.
    pub async fn receive_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        poll_fn(|context| {
            let mut inner = self.stack.borrow();
            let socket = inner.sockets.get_mut::<udp::Socket<'static>>(self.handle);
            match socket.recv_slice(buffer) {
                Ok((length, meta)) => Poll::Ready(Ok((length, meta.endpoint.into()))),
                Err(RecvError::Truncated) => Poll::Ready(Err(Error::TooLong)),
                Err(RecvError::Exhausted) => {
                    socket.register_recv_waker(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Sends a datagram to `peer`, when there is room for it.
    pub async fn send_to(&self, data: &[u8], peer: SocketAddr) -> Result<(), Error> {
        poll_fn(|context| {
            let mut inner = self.stack.borrow();
            let socket = inner.sockets.get_mut::<udp::Socket<'static>>(self.handle);
            if data.len() > socket.payload_send_capacity() {
                return Poll::Ready(Err(Error::TooLong));
            }
            match socket.send_slice(data, smoltcp::wire::IpEndpoint::from(peer)) {
                Ok(()) => {
                    inner.wake_driver();
                    Poll::Ready(Ok(()))
                }
                Err(SendError::Unaddressable) => Poll::Ready(Err(Error::Unaddressable)),
                Err(SendError::BufferFull) => {
                    socket.register_send_waker(context.waker());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.stack.borrow().sockets.remove(self.handle);
    }
}
