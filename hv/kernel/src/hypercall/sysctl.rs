// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sysctl`: the host as a privileged domain sees it.
use xen_abi::domctl::{DomainInfo, SCHEDULER_CREDIT};
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::sysctl::{
    AvailHeap, GetDomainInfoList, INTERFACE_VERSION, PHYSCAP_HAP, PHYSCAP_HVM, PHYSCAP_PV,
    PHYSCAP_SHADOW, PhysInfo, ReadConsole, SchedId, Sysctl, SysctlCmd,
};
use zerocopy::{Immutable, IntoBytes};

use super::argument::require_privilege;
use super::domctl::info;
use crate::console;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::hvm;
use crate::memory::frames;
use crate::time;

/// Bytes of the log copied at a time.
const CHUNK: usize = 256;

/// `sysctl(struct)`. `EACCES` for another version of the interface, `EPERM` for a caller without
/// privilege, `ENOSYS` for an unknown command.
pub fn sysctl(current: &Current, argument: GuestPtr<Sysctl>) -> Result<u64, Errno> {
    let mut call = argument.read()?;
    if call.header.interface_version != INTERFACE_VERSION {
        return Err(Errno::Eacces);
    }
    require_privilege(current)?;
    let call = &mut call;
    match SysctlCmd::try_from(call.header.cmd)? {
        SysctlCmd::ReadConsole => read_console(call)?,
        SysctlCmd::PhysInfo => answer(call, &physinfo())?,
        SysctlCmd::SchedId => answer(call, &SchedId { sched_id: SCHEDULER_CREDIT })?,
        SysctlCmd::GetDomainInfoList => list_domains(call)?,
        SysctlCmd::AvailHeap => {
            let request: AvailHeap = call.payload().ok_or(Errno::Einval)?;
            answer(call, &AvailHeap { avail_bytes: bytes(free_pages()), ..request })?;
        }
        SysctlCmd::DebugKeys
        | SysctlCmd::GetCpuInfo
        | SysctlCmd::CpuTopoInfo
        | SysctlCmd::NumaInfo
        | SysctlCmd::CpupoolOp
        | SysctlCmd::SchedulerOp
        | SysctlCmd::GetCpuFeatureset
        | SysctlCmd::GetCpuPolicy => return Err(Errno::Enosys),
    }
    argument.write(call)?;
    Ok(0)
}

fn answer<T: IntoBytes + Immutable>(call: &mut Sysctl, payload: &T) -> Result<(), Errno> {
    call.set_payload(payload).ok_or(Errno::Einval)
}

fn free_pages() -> u64 {
    frames::allocator().free_frames()
}

fn bytes(pages: u64) -> u64 {
    pages.saturating_mul(PAGE_SIZE as u64)
}

fn physinfo() -> PhysInfo {
    const HARDWARE: u32 = PHYSCAP_HVM | PHYSCAP_SHADOW;
    let total_pages = frames::table().len();
    PhysInfo {
        threads_per_core: 1,
        cores_per_socket: 1,
        nr_cpus: 1,
        nr_nodes: 1,
        cpu_khz: u32::try_from(time::tsc_khz()).unwrap_or(u32::MAX),
        capabilities: PHYSCAP_PV
            | if hvm::is_available() { HARDWARE } else { 0 }
            | if hvm::has_nested_paging() { PHYSCAP_HAP } else { 0 },
        arch_capabilities: 0,
        total_pages,
        free_pages: free_pages(),
        max_mfn: total_pages.saturating_sub(1),
        ..PhysInfo::default()
    }
}

/// Copies the log, all of it or from an index on, and empties it if asked to.
fn read_console(call: &mut Sysctl) -> Result<(), Errno> {
    let request: ReadConsole = call.payload().ok_or(Errno::Einval)?;
    let mut index = if request.incremental != 0 { request.index } else { console::log_start() };
    let buffer = GuestPtr::<u8>::new(request.buffer);
    let mut count = 0_u32;
    while count < request.count {
        let mut chunk = [0; CHUNK];
        let room = usize::try_from(request.count.saturating_sub(count)).unwrap_or(CHUNK);
        let part = chunk.get_mut(..room.min(CHUNK)).ok_or(Errno::Einval)?;
        let (copied, behind) = console::read_log(index, part);
        if copied == 0 {
            break;
        }
        let part = part.get(..copied).ok_or(Errno::Einval)?;
        buffer.element(u64::from(count))?.write_slice(part)?;
        count = count.saturating_add(u32::try_from(copied).unwrap_or(0));
        index = behind;
    }
    if request.clear != 0 {
        console::clear_log();
    }
    answer(call, &ReadConsole { index, count, ..request })
}

fn list_domains(call: &mut Sysctl) -> Result<(), Errno> {
    let request: GetDomainInfoList = call.payload().ok_or(Errno::Einval)?;
    let buffer = GuestPtr::<DomainInfo>::new(request.buffer);
    let mut num_domains = 0_u32;
    for domain in info::domains_from(request.first_domain) {
        if num_domains == request.max_domains {
            break;
        }
        buffer.element(u64::from(num_domains))?.write(&info::domain_info(&domain))?;
        num_domains = num_domains.saturating_add(1);
    }
    answer(call, &GetDomainInfoList { num_domains, ..request })
}
