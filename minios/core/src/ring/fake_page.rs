// SPDX-License-Identifier: MIT OR Apache-2.0
//! A shared page for tests on the host.

use alloc::rc::Rc;
use core::cell::RefCell;

use xen_abi::frame::PAGE_SIZE;

use super::RingMemory;

/// A page in the test's own memory, all zero at first; a clone is the same page.
#[derive(Clone, Debug)]
pub struct FakePage(Rc<RefCell<[u8; PAGE_SIZE]>>);

impl Default for FakePage {
    fn default() -> Self {
        Self(Rc::new(RefCell::new([0; PAGE_SIZE])))
    }
}

impl RingMemory for FakePage {
    fn load_u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn store_u32(&self, offset: usize, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }

    fn read(&self, offset: usize, to: &mut [u8]) {
        to.copy_from_slice(&self.0.borrow()[offset..offset + to.len()]);
    }

    fn write(&self, offset: usize, from: &[u8]) {
        self.0.borrow_mut()[offset..offset + from.len()].copy_from_slice(from);
    }
}
