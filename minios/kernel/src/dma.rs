// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory for the queues of virtio devices: frames that follow each other, named to the device by
//! their machine address.

use alloc::collections::BTreeMap;
use core::ptr::NonNull;

use virtio_drivers::{BufferDirection, Hal, PhysAddr};
use xen_abi::frame::PAGE_SIZE;

use crate::lock::Lock;
use crate::memory::{SharedPages, alloc_contiguous, virt_to_mfn};

/// What is allocated, by its address.
static ALLOCATED: Lock<BTreeMap<usize, SharedPages>> = Lock::new(BTreeMap::new());

/// virtio-drivers' view of memory.
#[derive(Debug)]
pub(crate) struct Dma;

// SAFETY: `dma_alloc` gives zeroed pages that nothing else uses until `dma_dealloc`, and their
// machine address, as the frames follow each other.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // Address 0 tells the caller that there is no memory.
        let Ok(memory) = alloc_contiguous(pages, u64::BITS) else {
            return (0, NonNull::dangling());
        };
        let start = core::ptr::with_exposed_provenance_mut(memory.address());
        let machine = memory.mfn(0).maddr().get();
        ALLOCATED.lock().insert(memory.address(), memory);
        NonNull::new(start).map_or((0, NonNull::dangling()), |start| (machine, start))
    }

    unsafe fn dma_dealloc(_: PhysAddr, start: NonNull<u8>, _: usize) -> i32 {
        let memory = ALLOCATED.lock().remove(&start.addr().get());
        if memory.is_some() { 0 } else { -1 }
    }

    unsafe fn mmio_phys_to_virt(_: PhysAddr, _: usize) -> NonNull<u8> {
        unreachable!("our transport maps the registers itself")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        let start = buffer.cast::<u8>().addr().get();
        let offset = start % PAGE_SIZE;
        assert!(offset + buffer.len() <= PAGE_SIZE, "a buffer for a device crosses a page");
        virt_to_mfn(start).maddr().get() + offset as u64
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
