// SPDX-License-Identifier: MIT OR Apache-2.0
//! `iret`: the guest's kernel returns from a trap, to itself or to user mode.
use hv_core::bounce::guest_rflags;
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::shared_info::VcpuInfo;
use xen_abi::trap::{IretContext, VGCF_IN_SYSCALL};

use core::sync::atomic::Ordering;

use super::Outcome;
use crate::current::Current;
use crate::entry::VECTOR_SYSCALL;
use crate::guest_ptr::GuestPtr;
use crate::{address_space, nmi, trap};

const RFLAGS_IF: u64 = 1 << 9;

/// Loads the context that the stack points at. A frame that cannot be read, or a return to user
/// mode without a page table for it, ends the domain.
pub fn iret(current: &Current) -> Result<Outcome, Errno> {
    let vcpu = current.vcpu();
    let regs = &vcpu.regs;
    let Ok(context) = GuestPtr::<IretContext>::new(regs.rsp.get()).read() else {
        trap::crash(vcpu, "its iret frame is not readable");
        return Ok(Outcome::Registers);
    };
    let [cs0, cs1, ..] = context.cs.to_le_bytes();
    let [ss0, ss1, ..] = context.ss.to_le_bytes();
    let (cs, ss) = (u16::from_le_bytes([cs0, cs1]), u16::from_le_bytes([ss0, ss1]));
    if cs & 3 == 3 && !address_space::enter_user(vcpu) {
        trap::crash(vcpu, "it returned to user mode without page tables for it");
        return Ok(Outcome::Registers);
    }
    regs.rip.set(context.rip);
    regs.cs.set(cs | 3);
    regs.rflags.set(guest_rflags(context.rflags));
    regs.rsp.set(context.rsp);
    regs.ss.set(ss | 3);
    regs.rax.set(context.rax);
    if context.flags & VGCF_IN_SYSCALL == 0 {
        regs.r11.set(context.r11);
        regs.rcx.set(context.rcx);
        regs.entry_vector.set(0);
    } else {
        let by_sysret = flat(cs, ss) && VirtAddr::new(context.rip).is_canonical();
        regs.entry_vector.set(if by_sysret { VECTOR_SYSCALL } else { 0 });
    }
    nmi::unmask(vcpu);
    set_upcall_mask(vcpu.info(), context.rflags & RFLAGS_IF == 0);
    Ok(Outcome::Registers)
}

/// Whether sysret would load these selectors.
const fn flat(cs: u16, ss: u16) -> bool {
    cs | 3 == xen_abi::trap::FLAT_KERNEL_CS && ss | 3 == xen_abi::trap::FLAT_KERNEL_SS
}

fn set_upcall_mask(info: &VcpuInfo, masked: bool) {
    info.evtchn_upcall_mask.store(u8::from(masked), Ordering::Release);
}
