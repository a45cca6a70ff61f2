// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pages for the tables of a domain: event channels, grants, mappings.
//!
//! A page is counted in its domain while the domain has it. hv-core holds it as a reference and
//! gives it back at the end of the domain.
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;

use super::frames;
use crate::domain::Domain;

/// A page for `domain` with `empty` in it; `ENOMEM` if there is none.
pub fn alloc<T>(domain: &Domain, empty: impl FnOnce() -> T) -> Result<&'static mut T, Errno> {
    const { assert!(size_of::<T>() <= PAGE_SIZE && align_of::<T>() <= PAGE_SIZE) }
    let place: NonNull<T> = frames::alloc_for().ok_or(Errno::Enomem)?;
    domain.table_pages.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the page was allocated for a `T` and nobody else knows it.
    unsafe { place.write(empty()) }
    // SAFETY: it holds a `T` now, and it stays until `free` takes the reference back.
    Ok(unsafe { &mut *place.as_ptr() })
}

/// Takes back what [`alloc`] gave.
pub fn free<T>(domain: &Domain, page: &'static mut T) {
    domain.table_pages.fetch_sub(1, Ordering::Relaxed);
    frames::free_for(NonNull::from(page));
}
