// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the builder of a PVH domain does with it besides what it does with every domain.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::domctl::{Domctl, DomctlCmd, HvmContext};
use xen_abi::errno::Errno;
use xen_abi::frame::Gfn;
use xen_abi::hvm::{HvmOp, HvmParam, HvmParamArg};
use xen_abi::hvm_save::{
    HvmCpu, HvmMtrr, RecordHeader, SAVE_MAGIC, SAVE_VERSION, SaveHeader, TYPE_CPU, TYPE_END,
    TYPE_HEADER, TYPE_MTRR,
};
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{AddToPhysmap, MemoryOp, PhysmapSpace, RemoveFromPhysmap};
use zerocopy::{Immutable, IntoBytes};

use super::{call_struct, call_with};

/// Sets a parameter of `domain`.
///
/// ```no_run
/// use minios::{DomId, hypercall::pvh_domain, xen_abi::hvm::HvmParam};
/// pvh_domain::set_param(DomId::new(3), HvmParam::ConsolePfn, 0xfefff)?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL` for a PV domain.
pub fn set_param(domain: DomId, param: HvmParam, value: u64) -> Result<(), Errno> {
    let mut arg = HvmParamArg { domid: domain, _pad: 0, index: param.raw(), value };
    // SAFETY: the struct names no memory.
    unsafe { call_with(Hypercall::HvmOp, HvmOp::SetParam.raw(), &mut arg) }.map(drop)
}

/// Sets the registers with which the vcpu of `domain` starts, and its memory types.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EINVAL` for a PV domain and for a state that cannot be.
pub fn set_state(domain: DomId, cpu: &HvmCpu, memory_types: &HvmMtrr) -> Result<(), Errno> {
    let header = SaveHeader { magic: SAVE_MAGIC, version: SAVE_VERSION, ..SaveHeader::default() };
    let mut records = Vec::new();
    push(&mut records, TYPE_HEADER, &header);
    push(&mut records, TYPE_CPU, cpu);
    push(&mut records, TYPE_MTRR, memory_types);
    push(&mut records, TYPE_END, &[0u8; 0]);
    let context = HvmContext {
        size: u32::try_from(records.len()).map_err(|_| Errno::E2big)?,
        _pad: 0,
        buffer: records.as_ptr().expose_provenance() as u64,
    };
    let mut call = Domctl::new(DomctlCmd::SetHvmContext, domain);
    call.set_payload(&context).ok_or(Errno::E2big)?;
    // SAFETY: the call reads the vector's bytes.
    unsafe { call_struct(Hypercall::Domctl, &mut call) }.map(drop)
}

fn push(records: &mut Vec<u8>, typecode: u16, body: &(impl IntoBytes + Immutable)) {
    let body = body.as_bytes();
    let length = u32::try_from(body.len()).unwrap_or(0);
    records.extend_from_slice(RecordHeader { typecode, instance: 0, length }.as_bytes());
    records.extend_from_slice(body);
}

/// Shows the first frame of `domain`'s grant table to it at `gfn`, where nothing is.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EACCES` for a PV domain, `ENOMEM`.
pub fn show_grant_table(domain: DomId, gfn: Gfn) -> Result<(), Errno> {
    let mut request = AddToPhysmap {
        domid: domain,
        size: 0,
        space: PhysmapSpace::GrantTable.raw(),
        idx: 0,
        gpfn: gfn.get(),
    };
    memory_op(MemoryOp::AddToPhysmap, &mut request)
}

/// Takes away what `domain` sees at `gfn`.
///
/// # Errors
/// `ESRCH`, `EPERM`, `EACCES` for a PV domain, `ENOENT` where there is nothing.
pub fn hide(domain: DomId, gfn: Gfn) -> Result<(), Errno> {
    let mut request = RemoveFromPhysmap { domid: domain, _pad: [0; 3], gpfn: gfn.get() };
    memory_op(MemoryOp::RemoveFromPhysmap, &mut request)
}

fn memory_op<T: IntoBytes>(op: MemoryOp, argument: &mut T) -> Result<(), Errno> {
    // SAFETY: the calls above change another domain's memory, and read what they name.
    unsafe { call_with(Hypercall::MemoryOp, op.raw(), argument) }.map(drop)
}
