// SPDX-License-Identifier: MIT OR Apache-2.0
//! TCP and UDP over the domain's network interface.
//!
//! ```no_run
//! # use minios::net::{self, TcpListener};
//! # async fn example() -> Result<(), net::StartError> {
//! use minios::net::io::{Read, Write};
//! let stack = net::start().await?;
//! let mut listener = TcpListener::bind(&stack, 7, 16)?;
//! let (mut stream, peer) = listener.accept().await;
//! log::info!("{peer} is here");
//! let mut buffer = [0; 512];
//! let length = stream.read(&mut buffer).await?;
//! stream.write_all(&buffer[..length]).await?;
//! stream.close();
//! # Ok(())
//! # }
//! ```

mod driver;
pub mod link;

/// The traits that [`TcpStream`] implements.
pub use embedded_io_async as io;

pub use driver::{StartError, start, start_on};
pub use minios_core::net::{
    Addresses, BadConfig, Config, Counters, Error, Ipv4Config, Limits, PingSocket, Stack,
    TcpListener, TcpStream, UdpSocket,
};
