// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our own grant table: it grows frame by frame as references are needed.
use alloc::vec::Vec;

use minios_core::grant_refs::GrantRefs;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, PAGE_SIZE};
use xen_abi::grant_table::{
    GrantEntryV1, GrantRef, GrantTableOp, QuerySize, SetupTable, SharedGrantEntry,
};
use xen_abi::hypercall::Hypercall;
use zerocopy::IntoBytes;

use super::errno;
use crate::arch::hypercall::hypercall;
use crate::arch::{platform, size};
use crate::lock::Lock;
use crate::memory::{Reserved, SharedPages, unmap_pages};
use crate::suspend::Outcome;

static TABLE: Lock<Option<Table>> = Lock::new(None);

/// The table, and what is known of its entries.
pub(super) struct Table {
    /// Addresses for as many frames as it may ever have.
    addresses: Reserved,
    refs: GrantRefs,
    /// Grants that the other side still used when they were ended, with their pages.
    parked: Vec<(GrantRef, SharedPages)>,
}

/// Makes a `grant_table_op` with an array of structs that are read and written.
///
/// # Safety
/// The structs must not name memory that the operation would misuse.
pub(super) unsafe fn op<T: IntoBytes>(op: GrantTableOp, array: &mut [T]) -> Result<(), Errno> {
    let address = array.as_mut_ptr().expose_provenance() as u64;
    let args = [op.raw().into(), address, array.len() as u64, 0, 0];
    // SAFETY: the call reads and writes the slice; the caller vouches for what it names.
    Errno::from_return(unsafe { hypercall(Hypercall::GrantTableOp, args) }).map(drop)
}

/// Publishes an entry and gives its reference.
pub(super) fn publish(entry: GrantEntryV1) -> Result<GrantRef, Errno> {
    with(|table| {
        let reference = table.take()?;
        table.entry(reference).publish(entry);
        Ok(reference)
    })?
}

/// Ends a grant, or keeps it with its pages until the other side lets go.
pub(super) fn end(reference: GrantRef, pages: SharedPages) {
    let result = with(|table| {
        if table.entry(reference).revoke() {
            table.refs.give(reference);
            Some(pages)
        } else {
            table.parked.push((reference, pages));
            None
        }
    });
    // The pages are dropped here, behind the lock.
    drop(result);
}

/// Ends a grant unless it is in use; whether it did.
pub(super) fn try_end(reference: GrantRef) -> bool {
    with(|table| {
        let ended = table.entry(reference).revoke();
        if ended {
            table.refs.give(reference);
        }
        ended
    })
    .unwrap_or(false)
}

/// Makes the table `frames` frames long, and gives their numbers.
pub(crate) fn setup(frames: u32) -> Result<Vec<Mfn>, Errno> {
    let mut list = alloc::vec![Mfn::default(); frames as usize];
    let mut setup = [SetupTable {
        dom: DomId::SELF,
        nr_frames: frames,
        frame_list: list.as_mut_ptr().expose_provenance() as u64,
        ..SetupTable::default()
    }];
    // SAFETY: the call writes `nr_frames` numbers to the vector's memory.
    unsafe { op(GrantTableOp::SetupTable, &mut setup) }?;
    let [setup] = setup;
    setup.status.into_result().map_err(errno)?;
    Ok(list)
}

/// The hypervisor's frames are not ours to have mapped in a domain that is being saved.
pub(crate) fn suspend() {
    if let Some(table) = TABLE.lock().as_ref() {
        unmap_pages(table.addresses.va(), table.refs.frames().into());
    }
}

/// After a restore the table is another one, without entries of ours.
pub(crate) fn resume(outcome: Outcome) {
    let mut table = TABLE.lock();
    match outcome {
        Outcome::Restored => {
            let gone = table.take();
            // Its pages are given back behind the lock.
            drop(table);
            drop(gone);
        }
        Outcome::Cancelled => {
            if let Some(table) = table.as_ref() {
                (0..table.refs.frames())
                    .try_for_each(|index| table.map_frame(index))
                    .expect("its frames were mapped before");
            }
        }
    }
}

fn with<R>(f: impl FnOnce(&mut Table) -> R) -> Result<R, Errno> {
    let mut table = TABLE.lock();
    if table.is_none() {
        *table = Some(Table::new()?);
    }
    table.as_mut().map(f).ok_or(Errno::Enomem)
}

impl Table {
    fn new() -> Result<Self, Errno> {
        let mut size = [QuerySize { dom: DomId::SELF, ..QuerySize::default() }];
        // SAFETY: the struct names no memory.
        unsafe { op(GrantTableOp::QuerySize, &mut size) }?;
        let [size] = size;
        size.status.into_result().map_err(errno)?;
        let addresses = Reserved::new(size.max_nr_frames as usize)?;
        Ok(Self { addresses, refs: GrantRefs::new(), parked: Vec::new() })
    }

    fn take(&mut self) -> Result<GrantRef, Errno> {
        if let Some(reference) = self.refs.take() {
            return Ok(reference);
        }
        self.unpark();
        if let Some(reference) = self.refs.take() {
            return Ok(reference);
        }
        self.grow()?;
        self.refs.take().ok_or(Errno::Enospc)
    }

    /// Ends the parked grants that are free by now.
    fn unpark(&mut self) {
        let mut index = 0;
        while let Some(&(reference, _)) = self.parked.get(index) {
            if self.entry(reference).revoke() {
                self.refs.give(reference);
                self.parked.swap_remove(index);
            } else {
                index += 1;
            }
        }
    }

    fn grow(&mut self) -> Result<(), Errno> {
        let have = self.refs.frames();
        if u64::from(have) >= self.addresses.pages() {
            return Err(Errno::Enospc);
        }
        self.map_frame(have)?;
        self.refs.grow();
        Ok(())
    }

    fn map_frame(&self, index: u32) -> Result<(), Errno> {
        let va = self.addresses.va() + u64::from(index) * PAGE_SIZE as u64;
        platform().map_grant_table_frame(index, va)
    }

    /// An entry of a frame that is mapped: that of a reference we handed out.
    fn entry(&self, reference: GrantRef) -> &SharedGrantEntry {
        let offset = reference.get() as usize * size_of::<SharedGrantEntry>();
        let entry = size(self.addresses.va()) + offset;
        // SAFETY: references come from `refs`, which has only those of mapped frames; an entry
        // consists of atomics.
        unsafe { &*core::ptr::with_exposed_provenance::<SharedGrantEntry>(entry) }
    }
}
