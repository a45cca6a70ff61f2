// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a socket.

use core::fmt;

/// Why a socket operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The other side refused or reset the connection, or it ended by a timeout.
    ConnectionReset,
    /// Our own sending half was closed before.
    BrokenPipe,
    /// The port is taken.
    AddressInUse,
    /// The address or port cannot be reached or is not one (no address of our own yet, port 0).
    Unaddressable,
    /// As many sockets are open as [`Limits`](super::Limits) allows.
    TooManySockets,
    /// The datagram does not fit into the buffer.
    TooLong,
    /// The name has no address, or no name server tells it.
    Unresolved,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionReset => "connection reset",
            Self::BrokenPipe => "sending half is closed",
            Self::AddressInUse => "port is taken",
            Self::Unaddressable => "address cannot be used",
            Self::TooManySockets => "too many sockets",
            Self::TooLong => "datagram too long",
            Self::Unresolved => "name has no address",
        })
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        use embedded_io::ErrorKind;
        match self {
            Self::ConnectionReset => ErrorKind::ConnectionReset,
            Self::BrokenPipe => ErrorKind::BrokenPipe,
            Self::AddressInUse => ErrorKind::AddrInUse,
            Self::Unaddressable => ErrorKind::AddrNotAvailable,
            Self::TooManySockets => ErrorKind::OutOfMemory,
            Self::TooLong => ErrorKind::InvalidInput,
            Self::Unresolved => ErrorKind::NotFound,
        }
    }
}
