// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places in a guest's memory that the hypervisor keeps up to date for a vCPU: its info, and,
//! by virtual address, its runstate and its clock.
use core::sync::atomic::Ordering;

use hv_core::event_channel::raise;
use hv_core::page_type::{BUDGET, PageTypes, Stop};
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};
use xen_abi::shared_info::VcpuInfo;
use xen_abi::vcpu::{RUNSTATE_UPDATE, RunstateInfo};
use xen_abi::vm_assist::VmAssistType;

use crate::current::pcpu;
use crate::events;
use crate::guest_ptr::GuestPtr;
use crate::machine::Host;
use crate::memory::direct_map;
use crate::vcpu::Vcpu;

/// Offset of [`RunstateInfo::state_entry_time`].
const ENTRY_TIME: u64 = 8;

/// Moves the vCPU's info to `offset` in a frame of the guest, and marks everything as pending so
/// that no event is lost. `EINVAL` where the frame is not the domain's to write.
pub fn move_info(vcpu: &Vcpu, mfn: Mfn, offset: u64) -> Result<(), Errno> {
    let types = PageTypes::new(&Host, BUDGET);
    types.get_writable(mfn, vcpu.domain().id).map_err(|stop| match stop {
        Stop::Refused(_) => Errno::Einval,
        Stop::Preempted => Errno::Ebusy,
    })?;
    let pointer: *const VcpuInfo = direct_map::pointer(Maddr::new(mfn.maddr().get() | offset));
    // SAFETY: the frame stays the domain's as long as the references are held; the offset is
    // aligned and in the frame, and all fields are atomics.
    let info = unsafe { &*pointer };
    copy_info(vcpu.info(), info);
    vcpu.info_frame.set(Some(mfn));
    vcpu.set_info(info);
    events::notice(vcpu, raise::mark_all(info));
    crate::time::update_vcpu_time(vcpu);
    Ok(())
}

fn copy_info(from: &VcpuInfo, to: &VcpuInfo) {
    let order = Ordering::Relaxed;
    to.evtchn_upcall_pending.store(from.evtchn_upcall_pending.load(order), order);
    to.evtchn_upcall_mask.store(from.evtchn_upcall_mask.load(order), order);
    to.evtchn_pending_sel.store(from.evtchn_pending_sel.load(order), order);
    to.arch.cr2.store(from.arch.cr2.load(order), order);
}

/// Forgets all places, at the end of the domain.
pub fn forget(vcpu: &Vcpu) {
    vcpu.runstate_area.set(0);
    vcpu.time_area.set(0);
    if let Some(mfn) = vcpu.info_frame.get() {
        vcpu.info_frame.set(None);
        let legacy = usize::try_from(vcpu.id).ok();
        let legacy = legacy.and_then(|id| vcpu.domain().shared_info().vcpu_info.get(id));
        vcpu.set_info(legacy.expect("a vCPU has a place in the shared page"));
        PageTypes::new(&Host, BUDGET).put_writable(mfn);
    }
}

/// Brings the runstate and clock of a vCPU up to date that a pCPU has just loaded.
pub fn update(vcpu: &Vcpu) {
    update_runstate(vcpu);
    update_time(vcpu);
}

/// Whether virtual addresses of the guest's kernel mean what the guest means by them now.
fn is_reachable(vcpu: &Vcpu) -> bool {
    core::ptr::eq(pcpu().vcpu.get(), vcpu) && vcpu.in_kernel.get()
}

/// Writes the runstate where the guest wants it; a bad address is the guest's own loss.
pub fn update_runstate(vcpu: &Vcpu) {
    let area = vcpu.runstate_area.get();
    if area == 0 || !is_reachable(vcpu) {
        return;
    }
    let mut info = vcpu.account.get().clock().area();
    let assists = vcpu.domain().vm_assist.load(Ordering::Relaxed);
    if assists & VmAssistType::RunstateUpdateFlag.bit() == 0 {
        let _ = GuestPtr::new(area).write(&info);
        return;
    }
    let entry_time = info.state_entry_time;
    info.state_entry_time |= RUNSTATE_UPDATE;
    let Ok(at) = GuestPtr::<RunstateInfo>::new(area).byte_offset::<u64>(ENTRY_TIME) else { return };
    let _ = at
        .write(&info.state_entry_time)
        .and_then(|()| GuestPtr::new(area).write(&info))
        .and_then(|()| at.write(&entry_time));
}

/// Writes the clock where the guest wants a second copy of it.
pub fn update_time(vcpu: &Vcpu) {
    let area = vcpu.time_area.get();
    if area == 0 || !is_reachable(vcpu) {
        return;
    }
    let time = &vcpu.info().time;
    let snapshot = time.read();
    let at = GuestPtr::<u32>::new(area);
    let Ok(version) = at.read() else { return };
    let writing = version | 1;
    let flags = [snapshot.shift.to_le_bytes()[0], time.flags.load(Ordering::Relaxed), 0, 0];
    let words = [
        u64::from(writing),
        snapshot.tsc_timestamp,
        snapshot.system_time,
        u64::from(snapshot.mul) | u64::from(u32::from_le_bytes(flags)) << 32,
    ];
    let _ = at
        .write(&writing)
        .and_then(|()| at.cast().write_slice(&words))
        .and_then(|()| at.write(&writing.wrapping_add(1)));
}
