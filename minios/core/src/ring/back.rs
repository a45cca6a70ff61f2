// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backend's end of a shared ring.

use core::sync::atomic::{Ordering, fence};

use xen_abi::ring::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, SLOTS, must_notify, ring_size};

use super::{Corrupt, RingMemory};

/// A ring whose slots have `SLOT` bytes. Requests are consumed one by one; responses are put in
/// their place and published in batches.
#[derive(Debug)]
pub struct BackRing<M, const SLOT: usize> {
    memory: M,
    req_cons: u32,
    rsp_prod: u32,
    published: u32,
}

impl<M: RingMemory, const SLOT: usize> BackRing<M, SLOT> {
    const SIZE: u32 = 1 << ring_size(SLOT).ilog2();

    /// Takes up a ring where an earlier backend left it: at the responses already made.
    pub fn attach(memory: M) -> Self {
        let at = memory.load_u32(RSP_PROD);
        Self { memory, req_cons: at, rsp_prod: at, published: at }
    }

    /// Requests that wait.
    ///
    /// # Errors
    /// [`Corrupt`] if the frontend claims more than fit between what it has been answered and
    /// itself.
    pub fn available(&self) -> Result<u32, Corrupt> {
        let prod = self.memory.load_u32(REQ_PROD);
        if prod.wrapping_sub(self.rsp_prod) > Self::SIZE {
            return Err(Corrupt);
        }
        let count = prod.wrapping_sub(self.req_cons);
        if count > Self::SIZE { Err(Corrupt) } else { Ok(count) }
    }

    /// Copies the request that is `ahead` of the next.
    pub fn peek(&self, ahead: u32) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        self.memory.read(Self::offset(self.req_cons.wrapping_add(ahead)), &mut slot);
        slot
    }

    /// Consumes `count` requests.
    pub fn consume(&mut self, count: u32) {
        self.req_cons = self.req_cons.wrapping_add(count);
    }

    /// Puts a response. Not more of them than requests were consumed.
    pub fn respond(&mut self, response: &[u8]) {
        self.memory.write(Self::offset(self.rsp_prod), response);
        self.rsp_prod = self.rsp_prod.wrapping_add(1);
    }

    /// Shows the frontend the responses since the last time; returns whether to send it an event.
    #[must_use]
    pub fn publish(&mut self) -> bool {
        if self.rsp_prod == self.published {
            return false;
        }
        self.memory.store_u32(RSP_PROD, self.rsp_prod);
        fence(Ordering::SeqCst);
        let wanted = must_notify(self.published, self.rsp_prod, self.memory.load_u32(RSP_EVENT));
        self.published = self.rsp_prod;
        wanted
    }

    /// Asks for an event with the `ahead`-th request from now (1 = the next one that comes), and
    /// says whether that many are there already, whose event has been lost.
    pub fn request_event(&self, ahead: u32) -> Result<bool, Corrupt> {
        self.memory.store_u32(REQ_EVENT, self.req_cons.wrapping_add(ahead));
        fence(Ordering::SeqCst);
        Ok(self.available()? >= ahead)
    }

    fn offset(index: u32) -> usize {
        SLOTS + (index & (Self::SIZE - 1)) as usize * SLOT
    }
}
