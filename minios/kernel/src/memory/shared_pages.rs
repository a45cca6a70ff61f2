// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory that another domain, the hypervisor or a device may read and write at any time.
use alloc::sync::Arc;
use core::sync::atomic::{Ordering, fence};

use minios_core::ring::RingMemory;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SIZE};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::area::Mapping;
use super::contiguous::Contiguous;
use super::p2m::virt_to_mfn;
use super::page::{Page, PageRun};
use super::page_table;
use crate::arch::copy;
use crate::arch::size;
use crate::grant_table::GrantMapping;

/// Pages that somebody else may read and write meanwhile, one after the other in our addresses.
///
/// What was read may be different when it is read again: copy it once, then check it. A clone is
/// the same memory; it is unmapped or freed with the last one.
///
/// All accessors panic if offset and length leave the pages: offsets that another domain chose
/// are checked before.
#[derive(Clone)]
pub struct SharedPages {
    /// Address of the first byte.
    base: usize,
    /// Bytes.
    len: usize,
    /// `None`: a page that the builder made for us, never freed.
    backing: Option<Arc<Backing>>,
}

/// What becomes of the pages in the end: each has a Drop of its own.
enum Backing {
    Own(PageRun),
    #[expect(dead_code, reason = "kept for its Drop")]
    Contiguous(Contiguous),
    #[expect(dead_code, reason = "kept for its Drop")]
    Mapped(Mapping),
    #[expect(dead_code, reason = "kept for its Drop")]
    Granted(GrantMapping),
}

macro_rules! accessors {
    ($($load:ident $store:ident $type:ty;)*) => {$(
        #[doc = concat!("Reads a `", stringify!($type), "`, before anything that is read later.")]
        #[must_use]
        pub fn $load(&self, offset: usize) -> $type {
            let at = self.at(offset, size_of::<$type>()).cast::<$type>();
            assert!(at.is_aligned(), "offset {offset:#x} is not aligned");
            // SAFETY: inside the pages, which are mapped as long as `self`; aligned.
            let value = unsafe { at.read_volatile() };
            fence(Ordering::Acquire);
            value
        }

        #[doc = concat!("Writes a `", stringify!($type), "`, after all that was written before.")]
        pub fn $store(&self, offset: usize, value: $type) {
            let at = self.at(offset, size_of::<$type>()).cast::<$type>();
            assert!(at.is_aligned(), "offset {offset:#x} is not aligned");
            fence(Ordering::Release);
            // SAFETY: inside the pages, which are mapped as long as `self`; aligned.
            unsafe { at.write_volatile(value) };
        }
    )*};
}

impl SharedPages {
    /// Zeroed pages of our own.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc(pages: usize) -> Result<Self, Errno> {
        let shared = Self::from_run(PageRun::alloc(pages)?);
        shared.fill(0, shared.len, 0);
        Ok(shared)
    }

    pub(super) fn from_run(run: PageRun) -> Self {
        Self::new(run.base().addr(), run.count(), Backing::Own(run))
    }

    pub(super) fn from_contiguous(run: Contiguous) -> Self {
        Self::new(run.base().addr(), run.pages(), Backing::Contiguous(run))
    }

    pub(crate) fn from_mapping(mapping: Mapping) -> Self {
        Self::new(size(mapping.va()), mapping.pages(), Backing::Mapped(mapping))
    }

    pub(crate) fn from_grants(mapping: GrantMapping) -> Self {
        Self::new(size(mapping.va()), mapping.pages(), Backing::Granted(mapping))
    }

    /// A page of ours that the builder set up: the console's or xenstore's ring. Allocates nothing.
    pub(crate) fn from_builder(mfn: Mfn) -> Self {
        Self { base: super::own_page(mfn).addr(), len: PAGE_SIZE, backing: None }
    }

    fn new(base: usize, pages: usize, backing: Backing) -> Self {
        Self { base, len: pages * PAGE_SIZE, backing: Some(Arc::new(backing)) }
    }

    /// Length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one page")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Length in pages.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.len / PAGE_SIZE
    }

    /// The frame behind a page.
    #[must_use]
    pub fn mfn(&self, page: usize) -> Mfn {
        let at = self.at(page * PAGE_SIZE, PAGE_SIZE).addr();
        match self.backing.as_deref() {
            Some(Backing::Mapped(_) | Backing::Granted(_)) => {
                page_table::leaf(at as u64).expect("the pages are mapped").mfn()
            }
            None | Some(Backing::Own(_) | Backing::Contiguous(_)) => virt_to_mfn(at),
        }
    }

    /// The page as private memory, if it is one page of ours and no clone of it or grant of it
    /// is left.
    ///
    /// # Errors
    /// The same pages, if not.
    pub fn into_page(self) -> Result<Page, Self> {
        let Self { base, len, backing } = self;
        match backing.map(Arc::try_unwrap) {
            Some(Ok(Backing::Own(run))) if run.count() == 1 => Ok(Page::from_run(run)),
            Some(Ok(backing)) => Err(Self { base, len, backing: Some(Arc::new(backing)) }),
            Some(Err(backing)) => Err(Self { base, len, backing: Some(backing) }),
            None => Err(Self { base, len, backing: None }),
        }
    }

    /// Copies bytes out.
    pub fn read(&self, offset: usize, to: &mut [u8]) {
        let from = self.at(offset, to.len());
        // SAFETY: `from` lies inside the pages; `to` is ours alone.
        unsafe { copy::copy(to.as_mut_ptr(), from, to.len()) };
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let to = self.at(offset, from.len());
        // SAFETY: `to` lies inside the pages, `from` cannot: nobody has references to them.
        unsafe { copy::copy(to, from.as_ptr(), from.len()) };
    }

    /// Sets bytes.
    pub fn fill(&self, offset: usize, len: usize, byte: u8) {
        let to = self.at(offset, len);
        // SAFETY: inside the pages.
        unsafe { copy::fill(to, byte, len) };
    }

    /// Copies a value out, once.
    #[must_use]
    pub fn read_value<T: FromBytes + IntoBytes>(&self, offset: usize) -> T {
        let mut value = T::new_zeroed();
        self.read(offset, value.as_mut_bytes());
        value
    }

    /// Copies a value in.
    pub fn write_value<T: IntoBytes + Immutable>(&self, offset: usize, value: &T) {
        self.write(offset, value.as_bytes());
    }

    accessors! {
        load_u8 store_u8 u8;
        load_u16 store_u16 u16;
        load_u32 store_u32 u32;
        load_u64 store_u64 u64;
    }

    /// The address of `len` bytes at `offset`.
    #[track_caller]
    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let fits = offset <= self.len && len <= self.len - offset;
        assert!(fits, "{len:#x} bytes at {offset:#x} are outside of {:#x}", self.len);
        core::ptr::with_exposed_provenance_mut(self.base + offset)
    }

    /// The address of the first byte in our address space, for drivers that hand it on as number.
    #[must_use]
    pub fn address(&self) -> usize {
        self.base
    }
}

impl RingMemory for SharedPages {
    fn load_u32(&self, offset: usize) -> u32 {
        Self::load_u32(self, offset)
    }

    fn store_u32(&self, offset: usize, value: u32) {
        Self::store_u32(self, offset, value);
    }

    fn read(&self, offset: usize, to: &mut [u8]) {
        Self::read(self, offset, to);
    }

    fn write(&self, offset: usize, from: &[u8]) {
        Self::write(self, offset, from);
    }
}

impl core::fmt::Debug for SharedPages {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kind = match self.backing.as_deref() {
            None | Some(Backing::Own(_)) => "own",
            Some(Backing::Contiguous(_)) => "contiguous",
            Some(Backing::Mapped(_)) => "mapped",
            Some(Backing::Granted(_)) => "granted",
        };
        write!(f, "SharedPages({kind}, {:#x}, {} pages)", self.base, self.pages())
    }
}
