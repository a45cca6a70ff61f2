// SPDX-License-Identifier: MIT OR Apache-2.0
//! Serving one domain's ring page: from requests there to answers there.

use core::task::Waker;

use minios_core::byte_ring::{STORE_REQUESTS, STORE_RESPONSES};
use minios_core::ring::RingMemory;
use xen_abi::xenstore;

use super::{Connection, Xenstored};
use crate::DomId;

/// Why a ring is no longer served: its indices are impossible.
pub(super) const ERROR_RING: u32 = 2;
/// The same: a message breaks the protocol.
pub(super) const ERROR_PROTOCOL: u32 = 3;

/// Requests served before others get their turn.
const TURN_REQUESTS: usize = 32;

/// What one turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The domain must be notified: bytes were taken or put.
    pub notify: bool,
    /// There is more to do without waiting for the domain.
    pub again: bool,
}

/// The service for one domain.
#[derive(Debug)]
pub struct RingService {
    connection: Connection,
    broken: bool,
}

impl RingService {
    /// A service that has read nothing yet.
    #[must_use]
    pub fn new(domid: DomId) -> Self {
        Self { connection: Connection::new(domid), broken: false }
    }

    /// Whether the domain broke the protocol and is no longer served.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Serves what is there. `waker` is called when an event for the domain comes up later; the
    /// caller itself waits for the domain's event channel.
    pub fn turn(
        &mut self,
        page: &impl RingMemory,
        store: &mut Xenstored,
        waker: Option<&Waker>,
    ) -> Turn {
        let mut notify = false;
        for _ in 0..TURN_REQUESTS {
            if self.broken {
                return Turn { notify, again: false };
            }
            match self.step(page, store, waker) {
                Ok(true) => notify = true,
                Ok(false) => return Turn { notify, again: false },
                Err(error) => {
                    self.broken = true;
                    page.store_u32(xenstore::ERROR, error);
                    notify = true;
                }
            }
        }
        Turn { notify, again: true }
    }

    /// Moves some bytes; `false` if none could be moved. An error is the code for the domain.
    fn step(
        &mut self,
        page: &impl RingMemory,
        store: &mut Xenstored,
        waker: Option<&Waker>,
    ) -> Result<bool, u32> {
        self.connection.fetch_event(store, waker);
        let sent = STORE_RESPONSES.put(page, self.connection.pending()).map_err(|_| ERROR_RING)?;
        self.connection.sent(sent);
        let mut bytes = [0; 512];
        let wanted = self.connection.wanted().min(bytes.len());
        let taken = STORE_REQUESTS.take(page, &mut bytes[..wanted]).map_err(|_| ERROR_RING)?;
        self.connection.feed(&bytes[..taken], store).map_err(|_| ERROR_PROTOCOL)?;
        Ok(sent > 0 || taken > 0)
    }
}
