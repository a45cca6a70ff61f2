// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page of a domain, mapped here, as the ring logic wants it.

use dom0_core::byte_ring;
use minios::Errno;
use minios::memory::{SharedPages, map_foreign};
use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

/// One page of another domain.
pub(crate) struct SharedPage(SharedPages);

impl SharedPage {
    /// Maps a frame of `domid`.
    pub(crate) fn map(domid: DomId, frame: Mfn) -> Result<Self, Errno> {
        map_foreign(domid, &[frame]).map(Self)
    }
}

impl byte_ring::SharedPage for SharedPage {
    fn load_u32(&self, offset: usize) -> u32 {
        self.0.load_u32(offset)
    }

    fn store_u32(&self, offset: usize, value: u32) {
        self.0.store_u32(offset, value);
    }

    fn read(&self, offset: usize, into: &mut [u8]) {
        self.0.read(offset, into);
    }

    fn write(&self, offset: usize, from: &[u8]) {
        self.0.write(offset, from);
    }
}
