// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of other domains, and registers of devices.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};

use super::area::Mapping;
use super::page_table::{DEVICE, READ_WRITE};
use super::shared_pages::SharedPages;
use crate::start_info::is_initial_domain;

/// Maps frames of another domain that we may manage; unmapped when the last clone is dropped.
///
/// ```no_run
/// use minios::{DomId, Mfn, memory::map_foreign};
/// let page = map_foreign(DomId::new(3), &[Mfn::new(0x1234)])?;
/// page.write(0, b"written by the toolstack");
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM`, `ESRCH`, `EINVAL` (no such frame, not that domain's, or the domain is this one),
/// `EBUSY` (a page table), `ENOMEM`.
pub fn map_foreign(domain: DomId, frames: &[Mfn]) -> Result<SharedPages, Errno> {
    // Our own frames have owners in Rust, who rely on nobody else seeing them.
    if domain == DomId::SELF || is_initial_domain() && domain == DomId::DOM0 {
        return Err(Errno::Einval);
    }
    Mapping::new(frames, READ_WRITE, domain).map(SharedPages::from_mapping)
}

/// Maps registers of a device, uncached; `start` is page aligned.
///
/// ```no_run
/// use minios::{Maddr, memory::map_mmio};
/// let registers = map_mmio(Maddr::new(0xfebf_0000), 1)?;
/// let status = registers.load_u32(0x14);
/// # let _ = status;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM` if this domain may not use the device, `EINVAL`, `ENOMEM`.
pub fn map_mmio(start: Maddr, pages: usize) -> Result<SharedPages, Errno> {
    if start.offset() != 0 {
        return Err(Errno::Einval);
    }
    let first = start.mfn().get();
    let frames: Vec<Mfn> = (first..).take(pages).map(Mfn::new).collect();
    Mapping::new(&frames, DEVICE, DomId::IO).map(SharedPages::from_mapping)
}
