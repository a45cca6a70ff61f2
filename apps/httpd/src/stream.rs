// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TCP connection as the server's stream.

use httpd_core::serve::Stream;
use minios::net::{Error, TcpStream};

/// A client's connection.
pub(crate) struct Client(pub(crate) TcpStream);

impl Stream for Client {
    type Error = Error;

    async fn read_with(&mut self, mut take: impl FnMut(&[u8]) -> usize) -> Result<usize, Error> {
        let read = |bytes: &[u8]| {
            let length = take(bytes);
            (length, length)
        };
        self.0.read_with(read).await
    }

    async fn write_with(
        &mut self,
        mut fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<usize, Error> {
        let write = |room: &mut [u8]| {
            let length = fill(room);
            (length, length)
        };
        self.0.write_with(write).await
    }
}
