// SPDX-License-Identifier: MIT OR Apache-2.0
//! Another domain's pages that we may use.
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::grant_table::{
    GrantHandle, GrantRef, GrantStatus, GrantTableOp, MapFlags, MapGrantRef, UnmapGrantRef,
};

use super::{errno, table};
use crate::arch::{platform, size};
use crate::memory::{READ_ONLY, READ_WRITE, Reserved, SharedPages};

/// How many mappings there are.
static MAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// Whether pages of other domains are mapped.
pub(crate) fn has_mappings() -> bool {
    MAPPINGS.load(Ordering::Relaxed) != 0
}

/// Pages mapped by their grants; unmapped on drop.
pub(crate) struct GrantMapping {
    addresses: Reserved,
    /// The handle of each page that is mapped, with the address that the hypervisor knows.
    handles: Vec<(u64, GrantHandle)>,
}

/// Maps pages of domain `domain`, one after the other; unmapped when the last clone is dropped.
///
/// # Errors
/// `EINVAL` for a reference that is not granted to us, `EPERM` if it is granted read-only and
/// `readonly` is not asked for, `ESRCH`, `ENOSPC`, `ENOMEM`. Then none is mapped.
pub fn map(domain: DomId, refs: &[GrantRef], readonly: bool) -> Result<SharedPages, Errno> {
    let addresses = Reserved::new(refs.len())?;
    let mut flags = MapFlags::HOST_MAP;
    flags.set(MapFlags::READONLY, readonly);
    let rights = if readonly { READ_ONLY } else { READ_WRITE };
    let mut ops = Vec::with_capacity(refs.len());
    for (va, &grant_ref) in (addresses.va()..).step_by(PAGE_SIZE).zip(refs) {
        let host_addr = platform().window(va, rights)?;
        let mut op = MapGrantRef { host_addr, flags, grant_ref, ..MapGrantRef::default() };
        op.dom = domain;
        op.status = GrantStatus::GENERAL_ERROR;
        ops.push(op);
    }
    // SAFETY: each operation maps at an address that was reserved for it and holds nothing.
    let result = unsafe { table::op(GrantTableOp::MapGrantRef, &mut ops) };
    let failed = ops.iter().find(|op| op.status != GrantStatus::OKAY).map(|op| errno(op.status));
    let done = ops.iter().filter(|op| op.status == GrantStatus::OKAY);
    let handles = done.map(|op| (op.host_addr, op.handle)).collect();
    // Dropped on an error, this unmaps those that were mapped.
    MAPPINGS.fetch_add(1, Ordering::Relaxed);
    let mapping = GrantMapping { addresses, handles };
    result?;
    failed.map_or(Ok(SharedPages::from_grants(mapping)), Err)
}

impl GrantMapping {
    /// The first address.
    pub(crate) fn va(&self) -> u64 {
        self.addresses.va()
    }

    /// How many pages.
    pub(crate) fn pages(&self) -> usize {
        size(self.addresses.pages())
    }
}

impl Drop for GrantMapping {
    fn drop(&mut self) {
        MAPPINGS.fetch_sub(1, Ordering::Relaxed);
        let mut ops: Vec<UnmapGrantRef> = self
            .handles
            .iter()
            .map(|&(host_addr, handle)| UnmapGrantRef {
                host_addr,
                handle,
                ..UnmapGrantRef::default()
            })
            .collect();
        // SAFETY: unmaps what `map` mapped; nobody has references into shared pages.
        let result = unsafe { table::op(GrantTableOp::UnmapGrantRef, &mut ops) };
        let failed = ops.iter().find(|op| op.status != GrantStatus::OKAY);
        assert!(
            result.is_ok() && failed.is_none(),
            "a grant mapping of ours cannot be unmapped: {result:?}, {failed:?}"
        );
    }
}
