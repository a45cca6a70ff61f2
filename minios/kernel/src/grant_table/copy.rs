// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies between memory of ours and granted pages, made by the hypervisor.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::grant_table::{
    COPY_DEST_GREF, COPY_SOURCE_GREF, CopyPtr, GrantCopy, GrantRef, GrantStatus, GrantTableOp,
};

use super::table;
use crate::memory::virt_to_mfn;

/// Our side of a copy: private memory from the heap, the image or a page.
#[derive(Debug)]
pub enum CopyBuffer<'a> {
    /// The granted page is copied into this.
    In(&'a mut [u8]),
    /// This is copied into the granted page.
    Out(&'a [u8]),
}

/// One copy within a granted page.
#[derive(Debug)]
pub struct CopyOp<'a> {
    /// The granting domain.
    pub domain: DomId,
    /// Its grant.
    pub reference: GrantRef,
    /// Where in the granted page, in bytes.
    pub offset: u16,
    /// Our side; as long as the copy.
    pub buffer: CopyBuffer<'a>,
    /// How it ended.
    pub status: GrantStatus,
}

impl<'a> CopyOp<'a> {
    /// A copy out of a granted page.
    #[must_use]
    pub fn read(domain: DomId, reference: GrantRef, offset: u16, to: &'a mut [u8]) -> Self {
        let status = GrantStatus::GENERAL_ERROR;
        Self { domain, reference, offset, buffer: CopyBuffer::In(to), status }
    }

    /// A copy into a granted page.
    #[must_use]
    pub fn write(domain: DomId, reference: GrantRef, offset: u16, from: &'a [u8]) -> Self {
        let status = GrantStatus::GENERAL_ERROR;
        Self { domain, reference, offset, buffer: CopyBuffer::Out(from), status }
    }
}

/// Makes all copies, in order, with one hypercall; each one's `status` says how it ended.
///
/// ```no_run
/// # use minios::{DomId, GrantRef, grant_table::{self, CopyOp}};
/// # fn example() -> Result<(), minios::Errno> {
/// let mut packet = [0; 1514];
/// let mut ops = [CopyOp::read(DomId::new(3), GrantRef::new(9), 0, &mut packet)];
/// grant_table::copy(&mut ops)?;
/// assert!(ops[0].status.into_result().is_ok());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Only if the call as a whole failed: `EFAULT`, `ENOSYS`.
pub fn copy(ops: &mut [CopyOp<'_>]) -> Result<(), Errno> {
    let mut pieces = Vec::with_capacity(ops.len() * 2);
    let mut owners = Vec::with_capacity(ops.len() * 2);
    for (index, op) in ops.iter_mut().enumerate() {
        let before = pieces.len();
        op.status = add_pieces(op, &mut pieces);
        owners.resize(owners.len() + pieces.len() - before, index);
    }
    // SAFETY: reads and writes only the slices that the operations borrow (split at our page
    // boundaries), and what other domains granted.
    unsafe { table::op(GrantTableOp::Copy, &mut pieces) }?;
    for (piece, &owner) in pieces.iter().zip(&owners) {
        let status = &mut ops[owner].status;
        if *status == GrantStatus::OKAY {
            *status = piece.status;
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "offsets and lengths are within a page")]
/// One hypervisor's copy for each page of ours that the buffer touches.
fn add_pieces(op: &mut CopyOp<'_>, pieces: &mut Vec<GrantCopy>) -> GrantStatus {
    let (start, len, into_ours) = match &mut op.buffer {
        CopyBuffer::In(to) => (to.as_mut_ptr().expose_provenance(), to.len(), true),
        CopyBuffer::Out(from) => (from.as_ptr().expose_provenance(), from.len(), false),
    };
    if usize::from(op.offset) + len > PAGE_SIZE {
        return GrantStatus::BAD_COPY_ARG;
    }
    let mut done = 0;
    while done < len {
        let at = start + done;
        let count = (len - done).min(PAGE_SIZE - at % PAGE_SIZE);
        let ours = CopyPtr {
            ref_or_gmfn: virt_to_mfn(at).get(),
            domid: DomId::SELF,
            offset: (at % PAGE_SIZE) as u16,
            _pad: 0,
        };
        let theirs = CopyPtr {
            ref_or_gmfn: op.reference.get().into(),
            domid: op.domain,
            offset: op.offset + done as u16,
            _pad: 0,
        };
        let (source, dest) = if into_ours { (theirs, ours) } else { (ours, theirs) };
        pieces.push(GrantCopy {
            source,
            dest,
            len: count as u16,
            flags: if into_ours { COPY_SOURCE_GREF } else { COPY_DEST_GREF },
            status: GrantStatus::GENERAL_ERROR,
            _pad: 0,
        });
        done += count;
    }
    GrantStatus::OKAY
}
