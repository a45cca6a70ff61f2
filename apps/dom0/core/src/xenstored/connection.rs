// SPDX-License-Identifier: MIT OR Apache-2.0
//! One domain's byte stream: pieces of requests come in, answers and events go out.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::Waker;

use xen_abi::xenstore::{MAX_PAYLOAD, MessageHeader, MessageType};

use super::message::{self, HEADER_BYTES};
use super::{ClientId, WatchEvent, Xenstored};
use crate::DomId;

/// The stream is ill-formed: nothing more will be read from this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError;

/// The state between two wake-ups of a domain's ring.
///
/// Memory is bounded: at most one request is kept in part, and no request or event is taken while
/// an answer waits for room in the ring.
#[derive(Debug)]
pub struct Connection {
    domid: DomId,
    input: Vec<u8>,
    output: VecDeque<u8>,
}

impl Connection {
    /// A connection at its beginning.
    #[must_use]
    pub fn new(domid: DomId) -> Self {
        Self { domid, input: Vec::new(), output: VecDeque::new() }
    }

    /// How many bytes of the stream belong to the request that is being received; 0 while answers
    /// wait to be sent.
    #[must_use]
    pub fn wanted(&self) -> usize {
        if !self.output.is_empty() {
            return 0;
        }
        let total = match self.header() {
            Some(header) => HEADER_BYTES + header.len as usize,
            None => HEADER_BYTES,
        };
        total - self.input.len()
    }

    /// Takes up to [`Self::wanted`] bytes, and serves the request if it is whole now.
    ///
    /// # Errors
    /// [`ProtocolError`] for a request that says it is longer than a message may be.
    pub fn feed(&mut self, bytes: &[u8], store: &mut Xenstored) -> Result<(), ProtocolError> {
        self.input.extend_from_slice(bytes);
        let Some(header) = self.header() else { return Ok(()) };
        if header.len as usize > MAX_PAYLOAD {
            return Err(ProtocolError);
        }
        if let Some(payload) = self.input.get(HEADER_BYTES..)
            && payload.len() == header.len as usize
        {
            self.output.extend(store.serve(self.domid, &header, payload));
            self.input.clear();
        }
        Ok(())
    }

    /// Fetches the next watch event if no answer waits; else `waker` is called when there is one.
    pub fn fetch_event(&mut self, store: &mut Xenstored, waker: Option<&Waker>) {
        if self.output.is_empty()
            && let Some(event) = store.next_event(ClientId::Domain(self.domid), waker)
        {
            self.output.extend(encode_event(&event));
        }
    }

    /// The bytes that wait to be sent, as far as they lie in one piece.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        let (first, second) = self.output.as_slices();
        if first.is_empty() { second } else { first }
    }

    /// Forgets the first `count` pending bytes, which were sent.
    pub fn sent(&mut self, count: usize) {
        self.output.drain(..count.min(self.output.len()));
    }

    fn header(&self) -> Option<MessageHeader> {
        message::decode(&self.input)
    }
}

fn encode_event(event: &WatchEvent) -> Vec<u8> {
    let mut payload = Vec::from(event.path.as_bytes());
    payload.push(0);
    payload.extend_from_slice(&event.token);
    payload.push(0);
    let header = MessageHeader::default();
    message::encode(MessageType::WatchEvent, &header, &payload)
}
