// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP/IP over a [`Link`](crate::link::Link): sockets with embedded-io-async on top of smoltcp.
//!
//! Somebody must drive a [`Stack`]: call [`Stack::poll`] when [`Stack::activity`] is ready or the
//! deadline that `poll` returned has come. Time is in microseconds since any fixed point.
//!
//! smoltcp's sockets have no backlog and it answers what no socket takes with a reset, so the
//! stack looks at each connection request first (`admission`) and makes a socket for it only
//! then; closed connections that linger are kept in as little as a tuple (`time_wait`).

mod addresses;
mod admission;
mod announcement;
mod config;
mod counters;
mod device;
mod dns;
mod error;
mod lifetime;
mod limits;
mod listener;
mod ping;
mod pool;
mod segment;
mod stack;
mod tcp;
mod time_wait;
mod udp;

#[cfg(test)]
mod tests;

pub use addresses::Addresses;
pub use config::{BadConfig, Config, Ipv4Config};
pub use counters::Counters;
pub use error::Error;
pub use limits::Limits;
pub use listener::TcpListener;
pub use ping::PingSocket;
pub use stack::Stack;
pub use tcp::TcpStream;
pub use udp::UdpSocket;
