// SPDX-License-Identifier: MIT OR Apache-2.0
//! Traps of guests: emulated, or bounced to the guest's handler; and the way out of ring 0.
use core::sync::atomic::Ordering;

use hv_core::bounce::{self, Cause, HANDLER_SELECTORS, Interrupted};
use xen_abi::trap::{
    VECTOR_DB, VECTOR_GP, VECTOR_MC, VECTOR_NM, VECTOR_NMI, VECTOR_PF, VECTOR_UD, has_error_code,
};

use crate::arch::{control, machine_check};
use crate::current::reschedule_requested;
use crate::entry::ring0::log_registers;
use crate::entry::{VECTOR_SYSCALL, VECTOR_SYSCALL32};
use crate::guest_ptr::GuestPtr;
use crate::log;
use crate::schedule::VcpuRef;
use crate::vcpu::{Callback, Vcpu};
use crate::{address_space, emulate, interrupt, life, nmi, switch};

/// Called by the trap entry. Returns the vCPU to continue with.
pub extern "C" fn trap_from_guest(vcpu: &Vcpu) -> *const Vcpu {
    const FIRST_INTERRUPT: u32 = 32;
    match vcpu.regs.entry_vector.get() {
        vector if vector < FIRST_INTERRUPT => exception(vcpu, vector.to_le_bytes()[0]),
        VECTOR_SYSCALL32 => syscall32_from_user(vcpu),
        vector => interrupt::handle(vector),
    }
    leave(vcpu)
}

/// The last steps before a guest continues: another vCPU if the scheduler wants, then a pending
/// event.
pub fn leave(vcpu: &Vcpu) -> *const Vcpu {
    let mut vcpu = VcpuRef::new(vcpu);
    while reschedule_requested() {
        vcpu = switch::next_vcpu();
    }
    let info = vcpu.info();
    if info.evtchn_upcall_pending.load(Ordering::Relaxed) != 0
        && info.evtchn_upcall_mask.load(Ordering::Relaxed) == 0
    {
        return deliver_upcall(&vcpu);
    }
    &raw const *vcpu
}

#[cold]
fn deliver_upcall(vcpu: &Vcpu) -> *const Vcpu {
    // A PVH guest takes it as an interrupt, when it can.
    if vcpu.is_hvm.get() {
        return vcpu;
    }
    let event = Callback { masks_events: true, ..vcpu.callbacks.get().event };
    enter(vcpu, event, Cause::Plain);
    // A guest that could not be entered has crashed, and another one continues.
    if reschedule_requested() { leave(vcpu) } else { vcpu }
}

fn exception(vcpu: &Vcpu, vector: u8) {
    match vector {
        VECTOR_PF => page_fault(vcpu),
        VECTOR_GP => emulate::general_protection(vcpu),
        VECTOR_UD => emulate::invalid_opcode(vcpu),
        VECTOR_NM => {
            vcpu.task_switched.set(false);
            inject(vcpu, VECTOR_NM, None);
        }
        VECTOR_DB => emulate::debug(vcpu),
        VECTOR_NMI => nmi::defer(),
        VECTOR_MC => {
            machine_check::log_banks();
            panic!("machine check");
        }
        _ if has_error_code(vector) => inject(vcpu, vector, Some(vcpu.regs.error_code.get())),
        _ => inject(vcpu, vector, None),
    }
}

/// The guest is told the mode it thinks it was in, and the address in its `vcpu_info`.
#[inline(never)]
fn page_fault(vcpu: &Vcpu) {
    const USER: u32 = 4;
    let address = control::cr2();
    if emulate::table_write::execute(vcpu, address) {
        return;
    }
    let error = vcpu.regs.error_code.get() & !USER;
    let error = if vcpu.in_kernel.get() { error } else { error | USER };
    vcpu.info().arch.cr2.store(address, Ordering::Relaxed);
    inject(vcpu, VECTOR_PF, Some(error));
}

/// Bounces `vector` to the handler in the guest's trap table; without one the domain ends.
pub fn inject(vcpu: &Vcpu, vector: u8, error_code: Option<u32>) {
    let trap = vcpu.traps[usize::from(vector)].get();
    if trap.address == 0 {
        return crash_unhandled(vcpu, vector, error_code);
    }
    let handler = Callback {
        address: trap.address,
        masks_events: trap.flags.contains(xen_abi::trap::TrapFlags::MASK_EVENTS),
    };
    match error_code {
        None => enter(vcpu, handler, Cause::Plain),
        Some(code) => enter(vcpu, handler, Cause::ErrorCode(code)),
    }
}

#[cold]
fn crash_unhandled(vcpu: &Vcpu, vector: u8, error_code: Option<u32>) {
    let (domid, id) = (vcpu.domain().id, vcpu.id);
    log!("{domid}v{id} took vector {vector}, error {error_code:x?}, without a handler");
    crash(vcpu, "it has no handler for the exception it took");
}

/// A `syscall` of user mode: to the callback for it, or #UD. Returns the vCPU to continue with.
#[inline(never)]
pub fn syscall_from_user(vcpu: &Vcpu) -> *const Vcpu {
    user_call(vcpu, vcpu.callbacks.get().syscall);
    leave(vcpu)
}

fn syscall32_from_user(vcpu: &Vcpu) {
    let callbacks = vcpu.callbacks.get();
    user_call(vcpu, callbacks.syscall32);
}

fn user_call(vcpu: &Vcpu, callback: Callback) {
    const SYSCALL_BYTES: u64 = 2;
    if callback.address != 0 {
        return enter_handler(vcpu, callback, Cause::Syscall);
    }
    let rip = &vcpu.regs.rip;
    rip.set(rip.get().wrapping_sub(SYSCALL_BYTES));
    inject(vcpu, VECTOR_UD, None);
}

/// The CPU refused a selector of the guest at a switch of vCPUs.
pub fn failsafe(vcpu: &Vcpu) {
    let selectors = vcpu.segments.get().selectors;
    enter_handler(vcpu, vcpu.callbacks.get().failsafe, Cause::Failsafe(selectors));
}

/// Writes the frame for `cause` and sets the registers to `handler`. The domain ends where that
/// is impossible.
pub fn enter_handler(vcpu: &Vcpu, handler: Callback, cause: Cause) {
    enter(vcpu, handler, cause);
}

/// The same, as a part of callers who know the cause.
#[inline(always)]
fn enter(vcpu: &Vcpu, handler: Callback, cause: Cause) {
    if handler.address == 0 {
        return crash(vcpu, "it has no handler for a callback it was due");
    }
    let regs = &vcpu.regs;
    let info = vcpu.info();
    let in_kernel = vcpu.in_kernel.get();
    let interrupted = Interrupted {
        rip: regs.rip.get(),
        cs: regs.cs.get(),
        rflags: regs.rflags.get(),
        rsp: regs.rsp.get(),
        ss: regs.ss.get(),
        scratch: scratch(vcpu),
        in_kernel,
        upcall_mask: info.evtchn_upcall_mask.load(Ordering::Relaxed),
        iopl: vcpu.shown_iopl(),
    };
    if !in_kernel {
        address_space::enter_kernel(vcpu);
    }
    let frame = bounce::bounce(&interrupted, vcpu.kernel_sp.get(), cause);
    if GuestPtr::new(frame.rsp).write_slice(frame.words()).is_err() {
        return crash(vcpu, "the frame for its handler cannot be written to its stack");
    }
    if handler.masks_events {
        info.evtchn_upcall_mask.store(1, Ordering::Relaxed);
    }
    let (cs, ss) = HANDLER_SELECTORS;
    regs.rip.set(handler.address);
    regs.cs.set(cs);
    regs.ss.set(ss);
    regs.rsp.set(frame.rsp);
    regs.rflags.set(frame.rflags);
    regs.entry_vector.set(0);
}

/// rcx and r11 for a frame. After a system call they hold rip and rflags, as syscall leaves them.
fn scratch(vcpu: &Vcpu) -> [u64; 2] {
    let regs = &vcpu.regs;
    if regs.entry_vector.get() == VECTOR_SYSCALL {
        regs.rcx.set(regs.rip.get());
        regs.r11.set(regs.rflags.get());
    }
    [regs.rcx.get(), regs.r11.get()]
}

/// Ends the domain for a fault of its own.
#[cold]
pub fn crash(vcpu: &Vcpu, why: &str) {
    let domain = vcpu.domain();
    log_registers(&vcpu.regs.to_user_regs());
    life::crash(domain, why);
}
