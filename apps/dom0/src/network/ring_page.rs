// SPDX-License-Identifier: MIT OR Apache-2.0
//! A ring's page, as the ring logic wants it.

use dom0_core::byte_ring::SharedPage;
use minios::memory::SharedPages;
use minios::{DomId, Errno, GrantRef, grant_table};

/// A page that a domU granted.
pub(super) struct RingPage(SharedPages);

impl RingPage {
    /// Maps it; unmapped on drop.
    pub(super) fn map(domain: DomId, reference: GrantRef) -> Result<Self, Errno> {
        grant_table::map(domain, &[reference], false).map(Self)
    }
}

impl SharedPage for RingPage {
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
