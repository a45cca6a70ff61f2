// SPDX-License-Identifier: MIT OR Apache-2.0
//! Xenstore's ring and messages (`public/io/xs_wire.h`).
//!
//! The ring's indices run freely and are masked by [`RING_SIZE`]` - 1`; messages are a stream of
//! bytes in it, a header and its payload one after the other.

use core::{fmt, str::FromStr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of each buffer.
pub const RING_SIZE: usize = 1024;
/// Offset of the requests.
pub const REQ: usize = 0;
/// Offset of the responses.
pub const RSP: usize = REQ + RING_SIZE;
/// Offset of the request consumer index (`u32`, the server's).
pub const REQ_CONS: usize = RSP + RING_SIZE;
/// Offset of the request producer index (`u32`, the guest's).
pub const REQ_PROD: usize = REQ_CONS + 4;
/// Offset of the response consumer index (`u32`, the guest's).
pub const RSP_CONS: usize = REQ_PROD + 4;
/// Offset of the response producer index (`u32`, the server's).
pub const RSP_PROD: usize = RSP_CONS + 4;
/// Offset of the server's features (`u32`).
pub const SERVER_FEATURES: usize = RSP_PROD + 4;
/// Offset of the connection state (`u32`): 0 connected, 1 reconnecting.
pub const CONNECTION: usize = SERVER_FEATURES + 4;
/// Offset of the error (`u32`): 0 none, 1 communication, 2 ring index, 3 protocol.
pub const ERROR: usize = CONNECTION + 4;

const _: () = assert!(REQ_CONS == 2048 && SERVER_FEATURES == 2064 && ERROR == 2072);

/// Bytes of the largest payload.
pub const MAX_PAYLOAD: usize = 4096;
/// Bytes of the longest absolute path.
pub const MAX_ABSOLUTE_PATH: usize = 3072;
/// Bytes of the longest relative path.
pub const MAX_RELATIVE_PATH: usize = 2048;
/// The watch that fires when a domain appears.
pub const WATCH_INTRODUCE_DOMAIN: &str = "@introduceDomain";
/// The watch that fires when a domain goes.
pub const WATCH_RELEASE_DOMAIN: &str = "@releaseDomain";

/// The start of every message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MessageHeader {
    /// A [`MessageType`].
    pub kind: u32,
    /// Chosen by the client; the reply repeats it.
    pub req_id: u32,
    /// Transaction, 0 for none.
    pub tx_id: u32,
    /// Bytes of payload.
    pub len: u32,
}

assert_layout!(MessageHeader, size = 16, req_id @ 4, tx_id @ 8, len @ 12);

number_enum! {
    /// [`MessageHeader::kind`]. A reply has its request's type, or [`Self::Error`].
    pub enum MessageType: u32 {
        /// Commands to the server itself.
        Control = 0,
        /// The names of a node's children.
        Directory = 1,
        /// A node's value.
        Read = 2,
        /// A node's permissions.
        GetPerms = 3,
        /// Asks for events on a path.
        Watch = 4,
        /// Ends a watch.
        Unwatch = 5,
        /// Begins a transaction.
        TransactionStart = 6,
        /// Ends a transaction.
        TransactionEnd = 7,
        /// Tells the server of a domain.
        Introduce = 8,
        /// Tells the server that a domain is gone.
        Release = 9,
        /// A domain's own path.
        GetDomainPath = 10,
        /// Sets a node's value.
        Write = 11,
        /// Makes a node.
        Mkdir = 12,
        /// Removes a node and what is below.
        Rm = 13,
        /// Sets a node's permissions.
        SetPerms = 14,
        /// From the server: something changed.
        WatchEvent = 15,
        /// From the server: a [`StoreError`]'s name.
        Error = 16,
        /// Whether the server knows a domain.
        IsDomainIntroduced = 17,
        /// A domain was resumed.
        Resume = 18,
        /// A domain may act for another.
        SetTarget = 19,
        /// Ends all watches.
        ResetWatches = 21,
        /// Part of a long directory.
        DirectoryPart = 22,
        /// The features a domain sees.
        GetFeature = 23,
        /// Sets the features a domain sees.
        SetFeature = 24,
        /// A quota.
        GetQuota = 25,
        /// Sets a quota.
        SetQuota = 26,
    }
}

macro_rules! store_errors {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)*) => {
        /// Why a request failed; on the wire its name, with a NUL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum StoreError { $($(#[$meta])* $name,)* }

        impl StoreError {
            /// The name on the wire, without NUL.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for StoreError {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($text => Ok(Self::$name),)* _ => Err(()) }
            }
        }
    };
}

store_errors! {
    /// Bad request.
    Einval = "EINVAL",
    /// Not allowed.
    Eacces = "EACCES",
    /// Already there.
    Eexist = "EEXIST",
    /// Is a directory.
    Eisdir = "EISDIR",
    /// No such node.
    Enoent = "ENOENT",
    /// Out of memory.
    Enomem = "ENOMEM",
    /// Quota used up.
    Enospc = "ENOSPC",
    /// Broken.
    Eio = "EIO",
    /// Not empty.
    Enotempty = "ENOTEMPTY",
    /// No such request.
    Enosys = "ENOSYS",
    /// Read-only.
    Erofs = "EROFS",
    /// In use.
    Ebusy = "EBUSY",
    /// The transaction must be done again.
    Eagain = "EAGAIN",
    /// Already introduced.
    Eisconn = "EISCONN",
    /// Too long.
    E2big = "E2BIG",
    /// Not allowed at all.
    Eperm = "EPERM",
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for StoreError {}
