// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole messages to a client: a header and the payload.

use alloc::vec::Vec;

use xen_abi::xenstore::{MessageHeader, MessageType};
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = size_of::<MessageHeader>();

/// The header at the start of `bytes`, if it is all there.
pub(super) fn decode(bytes: &[u8]) -> Option<MessageHeader> {
    MessageHeader::read_from_prefix(bytes).ok().map(|(header, _)| header)
}

/// A message of type `kind` with `payload`, in answer to `request`.
pub(super) fn encode(kind: MessageType, request: &MessageHeader, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    let header = MessageHeader { kind: kind as u32, len, ..*request };
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(payload);
    out
}
