// SPDX-License-Identifier: MIT OR Apache-2.0
//! Echo requests (RFC 792, RFC 4443).

use super::error::Error;
use super::stack::Stack;
use alloc::vec;
use core::future::poll_fn;
use core::net::{IpAddr, Ipv6Addr};
use core::task::Poll;
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::icmp::{Endpoint, PacketBuffer, PacketMetadata, RecvError, Socket};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress};

/// Requests and replies that wait.
const PACKETS: usize = 8;
/// What every request carries.
const DATA: [u8; 32] = *b"minios minios minios minios mini";

/// Bytes of a request, the same for both protocols.
const REQUEST_BYTES: usize = 8 + DATA.len();
/// Stands for addresses where only a checksum would need them.
const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// Sends echo requests and receives the replies.
pub struct PingSocket {
    stack: Stack,
    handle: SocketHandle,
    ident: u16,
}

impl PingSocket {
    /// A socket whose requests have the identifier `ident`, by which it knows its replies.
    pub fn new(stack: &Stack, ident: u16) -> Result<Self, Error> {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; PACKETS], vec![0; 1024]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.bind(Endpoint::Ident(ident)).map_err(|_| Error::Unaddressable)?;
        let handle = stack.borrow().sockets.add(socket);
        Ok(Self { stack: stack.clone(), handle, ident })
    }

    /// Sends a request, unless too many wait already.
    pub fn send(&self, peer: IpAddr, sequence: u16) -> Result<(), Error> {
        let (ident, checksum) = (self.ident, ChecksumCapabilities::ignored());
        let mut inner = self.stack.borrow();
        let socket = inner.sockets.get_mut::<Socket<'static>>(self.handle);
        let peer = IpAddress::from(peer);
        let bytes = socket.send(REQUEST_BYTES, peer).map_err(|_| Error::Unaddressable)?;
        // The socket fills in the checksum when it knows the addresses.
        match peer {
            IpAddress::Ipv4(_) => {
                Icmpv4Repr::EchoRequest { ident, seq_no: sequence, data: &DATA }
                    .emit(&mut Icmpv4Packet::new_unchecked(bytes), &checksum);
            }
            IpAddress::Ipv6(_) => {
                let request = Icmpv6Repr::EchoRequest { ident, seq_no: sequence, data: &DATA };
                let mut packet = Icmpv6Packet::new_unchecked(bytes);
                request.emit(&NOBODY, &NOBODY, &mut packet, &checksum);
            }
        }
        inner.wake_driver();
        Ok(())
    }

    /// Waits for a reply; returns its sequence number and how many bytes of data it has.
    pub async fn receive(&self) -> Result<(u16, usize), Error> {
        poll_fn(|context| {
            let mut inner = self.stack.borrow();
            let socket = inner.sockets.get_mut::<Socket<'static>>(self.handle);
            loop {
                match socket.recv() {
                    Ok((bytes, from)) => {
                        if let Some(reply) = reply(bytes, from) {
                            return Poll::Ready(Ok(reply));
                        }
                    }
                    Err(RecvError::Truncated) => {}
                    Err(RecvError::Exhausted) => {
                        socket.register_recv_waker(context.waker());
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }
}

/// The reply in `bytes`, whose checksum the stack has seen to.
fn reply(bytes: &[u8], from: IpAddress) -> Option<(u16, usize)> {
    let checksum = ChecksumCapabilities::ignored();
    match from {
        IpAddress::Ipv4(_) => {
            let packet = Icmpv4Packet::new_checked(bytes).ok()?;
            match Icmpv4Repr::parse(&packet, &checksum).ok()? {
                Icmpv4Repr::EchoReply { seq_no, data, .. } => Some((seq_no, data.len())),
                _ => None,
            }
        }
        IpAddress::Ipv6(_) => {
            let packet = Icmpv6Packet::new_checked(bytes).ok()?;
            match Icmpv6Repr::parse(&NOBODY, &NOBODY, &packet, &checksum).ok()? {
                Icmpv6Repr::EchoReply { seq_no, data, .. } => Some((seq_no, data.len())),
                _ => None,
            }
        }
    }
}

impl Drop for PingSocket {
    fn drop(&mut self) {
        self.stack.borrow().sockets.remove(self.handle);
    }
}
