// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host as a whole.
use alloc::vec::Vec;

use xen_abi::domain::DomId;
use xen_abi::domctl::DomainInfo;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::sysctl::{GetDomainInfoList, PhysInfo, ReadConsole, SchedId, Sysctl, SysctlCmd};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::call_struct;

/// # Safety
/// The payload must not name memory that the call would misuse.
unsafe fn call<T: FromBytes + IntoBytes + Immutable>(
    cmd: SysctlCmd,
    payload: T,
) -> Result<T, Errno> {
    let mut call = Sysctl::new(cmd);
    call.set_payload(&payload).ok_or(Errno::E2big)?;
    // SAFETY: the struct has the size the call reads and writes; the caller vouches for the rest.
    unsafe { call_struct(Hypercall::Sysctl, &mut call) }?;
    call.payload().ok_or(Errno::E2big)
}

/// Processors, memory and abilities of the host.
///
/// ```no_run
/// let host = minios::hypercall::sysctl::physical_info()?;
/// log::info!("{} of {} pages free", host.free_pages, host.total_pages);
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM`, `EACCES` (another interface version).
pub fn physical_info() -> Result<PhysInfo, Errno> {
    // SAFETY: the payload names no memory.
    unsafe { call(SysctlCmd::PhysInfo, PhysInfo::default()) }
}

/// The scheduler in use: one of `xen_abi::domctl::SCHEDULER_*`.
///
/// # Errors
/// `EPERM`, `EACCES`.
pub fn scheduler() -> Result<u32, Errno> {
    // SAFETY: the payload names no memory.
    unsafe { call(SysctlCmd::SchedId, SchedId::default()) }.map(|answer| answer.sched_id)
}

/// Up to `max` domains, from id `first` on.
///
/// # Errors
/// `EPERM`, `EACCES`.
pub fn domains(first: DomId, max: u32) -> Result<Vec<DomainInfo>, Errno> {
    let mut infos = alloc::vec![DomainInfo::default(); max as usize];
    let list = GetDomainInfoList {
        first_domain: first,
        max_domains: max,
        buffer: infos.as_mut_ptr().expose_provenance() as u64,
        ..GetDomainInfoList::default()
    };
    // SAFETY: the call writes at most `max` infos to the vector's memory.
    let answer = unsafe { call(SysctlCmd::GetDomainInfoList, list) }?;
    infos.truncate(answer.num_domains as usize);
    Ok(infos)
}

/// The hypervisor's log from `index` on: how much was copied, and where to go on.
///
/// # Errors
/// `EPERM`, `EACCES`.
pub fn read_console(index: u32, buffer: &mut [u8]) -> Result<(usize, u32), Errno> {
    let request = ReadConsole {
        incremental: 1,
        index,
        buffer: buffer.as_mut_ptr().expose_provenance() as u64,
        count: u32::try_from(buffer.len()).unwrap_or(u32::MAX),
        ..ReadConsole::default()
    };
    // SAFETY: the call writes at most `count` bytes to the slice.
    let answer = unsafe { call(SysctlCmd::ReadConsole, request) }?;
    Ok(((answer.count as usize).min(buffer.len()), answer.index))
}
