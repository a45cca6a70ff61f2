// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frame of a message on the ring: a 16-byte header and the payload (io/xs_wire.h).

use alloc::vec::Vec;

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 16;
/// Most bytes of payload (`XENSTORE_PAYLOAD_MAX`).
pub const PAYLOAD_MAX: usize = 4096;

/// `struct xsd_sockmsg`: four little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is, a [`MessageType`] or an unknown number.
    pub kind: u32,
    /// Chosen by the client, repeated in the reply.
    pub request_id: u32,
    /// The transaction, 0 for none.
    pub transaction: u32,
    /// Bytes of payload that follow.
    pub length: u32,
}

impl Header {
    /// Reads a header.
    #[must_use]
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        Self { kind: word(0), request_id: word(4), transaction: word(8), length: word(12) }
    }

    /// Appends the header to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for word in [self.kind, self.request_id, self.transaction, self.length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

macro_rules! message_types {
    ($($(#[$meta:meta])* $name:ident = $number:literal,)*) => {
        /// Kinds of messages (`enum xsd_sockmsg_type`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum MessageType { $($(#[$meta])* $name = $number,)* }

        impl MessageType {
            /// The kind with this number, if there is one.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

message_types! {
    /// Commands to the daemon itself.
    Control = 0,
    /// Names of a node's children.
    Directory = 1,
    /// A node's value.
    Read = 2,
    /// A node's permissions.
    GetPerms = 3,
    /// Set a watch.
    Watch = 4,
    /// Take a watch back.
    Unwatch = 5,
    /// Begin a transaction.
    TransactionStart = 6,
    /// End a transaction.
    TransactionEnd = 7,
    /// Make a domain known.
    Introduce = 8,
    /// Forget a domain.
    Release = 9,
    /// The home of a domain.
    GetDomainPath = 10,
    /// Give a node a value.
    Write = 11,
    /// Make a node.
    Mkdir = 12,
    /// Remove a node.
    Rm = 13,
    /// Replace permissions.
    SetPerms = 14,
    /// To the client: a watched node changed.
    WatchEvent = 15,
    /// To the client: the request failed.
    Error = 16,
    /// Whether a domain is known.
    IsDomainIntroduced = 17,
    /// A domain goes on after a suspend.
    Resume = 18,
    /// Give a domain rights over another.
    SetTarget = 19,
    /// Take all watches back.
    ResetWatches = 21,
    /// A piece of a long list of children.
    DirectoryPart = 22,
}

/// A whole message with `payload`.
#[must_use]
pub(super) fn encode(kind: MessageType, request: &Header, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    Header { kind: kind as u32, length, ..*request }.encode(&mut out);
    out.extend_from_slice(payload);
    out
}
