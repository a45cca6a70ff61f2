// SPDX-License-Identifier: MIT OR Apache-2.0
//! A look at a TCP segment before the stack sees it.

use crate::packet::{Headers, NetworkLayer, Packet, checksum, protocol};
use core::net::{IpAddr, SocketAddr};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A connection's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tuple {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

/// What the stack wants to know of a received segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) tuple: Tuple,
    pub(super) flags: u8,
    headers: Headers,
}

fn bytes<const N: usize>(packet: &Packet, at: usize) -> Option<[u8; N]> {
    packet.bytes().get(at..at + N)?.try_into().ok()
}

impl Segment {
    /// `None` for anything but a whole TCP segment.
    pub(super) fn parse(packet: &Packet) -> Option<Self> {
        let headers = packet.headers()?;
        if headers.protocol != protocol::TCP || headers.checksum_place().is_none() {
            return None;
        }
        let (ip, tcp) = (headers.network_start, headers.transport_start);
        let (from, to): (IpAddr, IpAddr) = match headers.network {
            NetworkLayer::Ipv4 => {
                (bytes::<4>(packet, ip + 12)?.into(), bytes::<4>(packet, ip + 16)?.into())
            }
            NetworkLayer::Ipv6 => {
                (bytes::<16>(packet, ip + 8)?.into(), bytes::<16>(packet, ip + 24)?.into())
            }
        };
        let port = |at| bytes(packet, at).map(u16::from_be_bytes);
        let tuple = Tuple {
            local: SocketAddr::new(to, port(tcp + 2)?),
            remote: SocketAddr::new(from, port(tcp)?),
        };
        let [flags] = bytes(packet, tcp + 13)?;
        Some(Self { tuple, flags, headers })
    }

    /// Whether this asks for a new connection.
    pub(super) fn is_request(&self) -> bool {
        self.flags & (SYN | ACK | RST | FIN) == SYN
    }

    /// The acknowledgement that TIME-WAIT owes to this segment (RFC 9293, 3.10.7.4).
    pub(super) fn acknowledgement(&self, packet: &Packet) -> Option<Packet> {
        let Headers { network, network_start: ip, transport_start: tcp, end, .. } = self.headers;
        let payload = end.checked_sub(self.headers.payload_start(packet.bytes())?)?;
        let sequence = u32::from_be_bytes(bytes(packet, tcp + 4)?);
        let fin = u32::from(self.flags & FIN);
        let next = sequence.wrapping_add(u32::try_from(payload).ok()?).wrapping_add(fin);

        let mut reply = packet.bytes().get(..tcp + 20)?.to_vec();
        swap(&mut reply, 0, 6, 6);
        match network {
            NetworkLayer::Ipv4 => {
                swap(&mut reply, ip + 12, ip + 16, 4);
                let total = u16::try_from(tcp + 20 - ip).ok()?;
                reply[ip + 2..ip + 4].copy_from_slice(&total.to_be_bytes());
                reply[ip + 10..ip + 12].fill(0);
                let sum = !checksum::sum(&reply[ip..tcp]);
                reply[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
            }
            NetworkLayer::Ipv6 => {
                swap(&mut reply, ip + 8, ip + 24, 16);
                reply[ip + 4..ip + 6].copy_from_slice(&20_u16.to_be_bytes());
            }
        }
        swap(&mut reply, tcp, tcp + 2, 2);
        reply[tcp + 4..tcp + 8].copy_from_slice(&packet.bytes()[tcp + 8..tcp + 12]);
        reply[tcp + 8..tcp + 12].copy_from_slice(&next.to_be_bytes());
        reply[tcp + 12] = 5 << 4;
        reply[tcp + 13] = ACK;
        reply[tcp + 18..tcp + 20].fill(0);
        let mut reply = Packet::new(reply);
        (reply.prepare_partial() && reply.finish_checksum()).then_some(reply)
    }
}

fn swap(bytes: &mut [u8], a: usize, b: usize, length: usize) {
    for i in 0..length {
        bytes.swap(a + i, b + i);
    }
}
