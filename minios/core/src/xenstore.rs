// SPDX-License-Identifier: MIT OR Apache-2.0
//! Xenstore messages as a client sees them: requests to bytes, bytes to replies and events
//! (`public/io/xs_wire.h`).
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display};

use xen_abi::domain::DomId;
use xen_abi::xenstore::{MAX_PAYLOAD, MessageHeader, MessageType, StoreError};
use zerocopy::{FromBytes, IntoBytes};

#[cfg(test)]
mod tests;

/// Bytes of a header.
const HEADER: usize = size_of::<MessageHeader>();

/// The bytes of a request whose payload is `parts`, one after the other.
///
/// # Errors
/// `E2BIG` if the payload is longer than the protocol allows.
pub fn request(
    kind: MessageType,
    req_id: u32,
    tx_id: u32,
    parts: &[&[u8]],
) -> Result<Vec<u8>, StoreError> {
    let payload: usize = parts.iter().map(|part| part.len()).sum();
    let len = u32::try_from(payload).map_err(|_| StoreError::E2big)?;
    if payload > MAX_PAYLOAD {
        return Err(StoreError::E2big);
    }
    let header = MessageHeader { kind: kind.raw(), req_id, tx_id, len };
    let mut bytes = Vec::with_capacity(HEADER + payload);
    bytes.extend_from_slice(header.as_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(bytes)
}

/// What the server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The answer to a request: its payload, or the error.
    Reply {
        /// The request's id.
        req_id: u32,
        /// How it ended.
        result: Result<Vec<u8>, StoreError>,
    },
    /// A watched path changed.
    WatchEvent {
        /// The path that changed: the watched one or one below it.
        path: String,
        /// The watch's token.
        token: String,
    },
}

/// The server broke the protocol: nothing that follows can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Puts messages together from the pieces in which they arrive.
#[derive(Default)]
pub struct Decoder {
    bytes: VecDeque<u8>,
}

impl Decoder {
    /// Nothing has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: VecDeque::new() }
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The next complete message, if there is one.
    ///
    /// # Errors
    /// [`Broken`] for a message that is too long or makes no sense.
    pub fn next_message(&mut self) -> Result<Option<Incoming>, Broken> {
        let bytes = self.bytes.make_contiguous();
        let Some((header, rest)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let header = MessageHeader::read_from_bytes(header).map_err(|_| Broken)?;
        let len = header.len as usize;
        if len > MAX_PAYLOAD {
            return Err(Broken);
        }
        let Some(payload) = rest.get(..len) else { return Ok(None) };
        let incoming = parse(&header, payload);
        self.bytes.drain(..HEADER + len);
        incoming.map(Some)
    }
}

fn parse(header: &MessageHeader, payload: &[u8]) -> Result<Incoming, Broken> {
    let result = match MessageType::try_from(header.kind) {
        Ok(MessageType::WatchEvent) => {
            let mut parts = strings(payload);
            let (Some(path), Some(token)) = (parts.next(), parts.next()) else {
                return Err(Broken);
            };
            return Ok(Incoming::WatchEvent { path, token });
        }
        Ok(MessageType::Error) => {
            let name = strings(payload).next().unwrap_or_default();
            Err(name.parse().unwrap_or(StoreError::Eio))
        }
        Ok(_) => Ok(payload.to_vec()),
        Err(_) => return Err(Broken),
    };
    Ok(Incoming::Reply { req_id: header.req_id, result })
}

/// The strings of a payload, each of which ends with a NUL (the last one may lack it).
pub fn strings(payload: &[u8]) -> impl Iterator<Item = String> {
    let payload = payload.strip_suffix(b"\0").unwrap_or(payload);
    let parts = (!payload.is_empty()).then(|| payload.split(|&byte| byte == 0));
    parts.into_iter().flatten().map(|part| String::from_utf8_lossy(part).into_owned())
}

/// What a domain may do with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Write.
    Write,
    /// Both.
    Both,
}

/// One entry of a node's permissions. The first one names the owner, who may do everything, and
/// what domains that are not listed may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Who.
    pub domain: DomId,
    /// May do what.
    pub access: Access,
}

impl Permission {
    /// `domain` may do `access`.
    #[must_use]
    pub const fn new(domain: DomId, access: Access) -> Self {
        Self { domain, access }
    }

    /// From the wire's text: a letter and the domain's number.
    ///
    /// ```
    /// use minios_core::xenstore::{Access, Permission};
    /// let permission = Permission::parse("r3").unwrap();
    /// assert_eq!((permission.domain.get(), permission.access), (3, Access::Read));
    /// assert_eq!(permission.to_string(), "r3");
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let access = match text.as_bytes().first()? {
            b'n' => Access::None,
            b'r' => Access::Read,
            b'w' => Access::Write,
            b'b' => Access::Both,
            _ => return None,
        };
        let domain = text.get(1..)?.parse().ok()?;
        Some(Self { domain: DomId::new(domain), access })
    }
}

impl Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.access {
            Access::None => 'n',
            Access::Read => 'r',
            Access::Write => 'w',
            Access::Both => 'b',
        };
        write!(f, "{letter}{}", self.domain.get())
    }
}
