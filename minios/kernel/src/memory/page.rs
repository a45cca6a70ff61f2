// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whole pages of our own memory.
use core::ops::{Deref, DerefMut};

use minios_core::page_bitmap::PageBitmap;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SIZE};

use super::p2m::virt_to_mfn;
use super::shared_pages::SharedPages;
use crate::lock::Lock;

/// The pages that neither the image nor the heap has.
static PAGES: Lock<Option<PageBitmap<'static>>> = Lock::new(None);

/// Takes over what boot found free.
pub(super) fn init(bitmap: PageBitmap<'static>) {
    *PAGES.lock() = Some(bitmap);
}

/// Adjacent pages of ours, by number; freed on drop.
pub(crate) struct PageRun {
    first: usize,
    count: usize,
}

impl PageRun {
    /// `count` adjacent pages, with whatever they held before.
    pub(crate) fn alloc(count: usize) -> Result<Self, Errno> {
        let first = with(|pages| pages.take_any(count)).ok_or(Errno::Enomem)?;
        Ok(Self { first, count })
    }

    /// The number of the first page.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// How many pages.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Where they are mapped.
    pub(crate) fn base(&self) -> *mut u8 {
        core::ptr::with_exposed_provenance_mut(self.first * PAGE_SIZE)
    }

    fn zero(&mut self) {
        // SAFETY: the pages are ours alone, and mapped.
        unsafe { self.base().write_bytes(0, self.count * PAGE_SIZE) };
    }
}

impl Drop for PageRun {
    fn drop(&mut self) {
        with(|pages| pages.give(self.first, self.count));
    }
}

/// Takes exactly these pages, for the heap. They are never given back.
pub(super) fn take(first: usize, count: usize) -> bool {
    with(|pages| pages.take(first, count))
}

/// Pages that are free.
pub(super) fn free() -> usize {
    with(|pages| pages.free())
}

/// A zeroed page for good: its address.
pub(super) fn leak_zeroed() -> Result<u64, Errno> {
    let mut run = PageRun::alloc(1)?;
    run.zero();
    let address = run.base().addr() as u64;
    core::mem::forget(run);
    Ok(address)
}

fn with<R>(f: impl FnOnce(&mut PageBitmap<'static>) -> R) -> R {
    f(PAGES.lock().as_mut().expect("memory::init fills it"))
}

/// A page of memory that nobody else sees, aligned to its size.
///
/// It can become shared ([`Page::share`]), and private again when nobody uses it any more.
///
/// ```no_run
/// use minios::memory::Page;
/// let mut page = Page::alloc()?;
/// page[..5].copy_from_slice(b"hello");
/// let shared = page.share();
/// assert!(shared.into_page().is_ok());
/// # Ok::<(), minios::Errno>(())
/// ```
pub struct Page(PageRun);

impl Page {
    /// A zeroed page.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc() -> Result<Self, Errno> {
        let mut run = PageRun::alloc(1)?;
        run.zero();
        Ok(Self(run))
    }

    /// Makes it memory that others may read and write meanwhile.
    #[must_use]
    pub fn share(self) -> SharedPages {
        SharedPages::from_run(self.0)
    }

    /// The frame behind it.
    #[must_use]
    pub fn mfn(&self) -> Mfn {
        virt_to_mfn(self.0.base().addr())
    }

    pub(super) fn from_run(run: PageRun) -> Self {
        Self(run)
    }
}

impl Deref for Page {
    type Target = [u8; PAGE_SIZE];

    fn deref(&self) -> &Self::Target {
        // SAFETY: the page is mapped, and ours alone as long as this value exists.
        unsafe { &*self.0.base().cast() }
    }
}

impl DerefMut for Page {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { &mut *self.0.base().cast() }
    }
}
