// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercalls: from the number and six registers to a handler.
//!
//! A handler takes the caller and its arguments already narrowed to their types; guest pointers
//! come as [`GuestPtr`]. It returns the value for rax, an [`Errno`] that the guest sees negated, or,
//! if it works in bounded steps, [`Outcome::Continue`] with arguments that carry the progress.
//! A number that is not in the match is `ENOSYS`, as on Xen.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation
)]
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::trap;
use crate::vcpu::Vcpu;
use batch::Batch;

mod argument;
#[cfg(debug_assertions)]
mod audit;
mod batch;
pub mod callbacks;
pub mod console_io;
pub mod debugreg;
pub mod descriptor;
mod domctl;
pub mod event_channel_op;
mod grant_table_op;
mod hvm_op;
pub mod iret;
mod ldt;
pub mod memory_op;
pub mod mmu_update;
pub mod mmuext_op;
mod multicall;
mod nmi_op;
mod page_owner;
mod physdev_op;
mod platform_op;
mod sched_op;
mod set_timer_op;
pub mod stack_switch;
mod sysctl;
pub mod trap_table;
pub mod update_va_mapping;
pub mod vcpu_op;
mod vm_assist;
mod xen_version;

/// What rdi, rsi, rdx, r10, r8 and r9 hold.
pub type Arguments = [u64; 6];

/// How a hypercall ended.
pub enum Outcome {
    /// The value for rax.
    Done(u64),
    /// The work is not finished: the guest executes the instruction again with these arguments,
    /// after pending events and other vCPUs had their turn.
    Continue(Arguments),
    /// The handler has set the registers to return to (iret).
    Registers,
}

impl From<u64> for Outcome {
    fn from(value: u64) -> Self {
        Self::Done(value)
    }
}

/// The lower half of a register, for an argument of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the ABI defines the upper half as ignored")]
const fn low(register: u64) -> u32 {
    register as u32
}

/// Executes one hypercall for `multicall`.
pub fn dispatch(current: &Current, number: u64, args: &Arguments) -> Result<Outcome, Errno> {
    execute(current, number, args)
}

/// Executes one hypercall. A part of both its callers, so that the way of a system call costs no
/// second call and no copies of arguments.
#[inline(always)]
fn execute(current: &Current, number: u64, args: &Arguments) -> Result<Outcome, Errno> {
    let [a0, a1, a2, a3, _a4, _a5] = *args;
    let value = match Hypercall::try_from(number)? {
        Hypercall::SetTrapTable => trap_table::set_trap_table(current, GuestPtr::new(a0)),
        Hypercall::StackSwitch => stack_switch::stack_switch(current, a0, a1),
        Hypercall::SetCallbacks => callbacks::set_callbacks(current, a0, a1, a2),
        Hypercall::FpuTaskswitch => stack_switch::fpu_taskswitch(current, a0),
        Hypercall::ConsoleIo => {
            return console_io::console_io(current, low(a0), low(a1), GuestPtr::new(a2));
        }
        Hypercall::NmiOp => nmi_op::nmi_op(current, low(a0), GuestPtr::new(a1)),
        Hypercall::CallbackOp => callbacks::callback_op(current, low(a0), GuestPtr::new(a1)),
        Hypercall::SetDebugreg => debugreg::set_debugreg(current, low(a0), a1),
        Hypercall::GetDebugreg => debugreg::get_debugreg(current, low(a0)),
        Hypercall::SetSegmentBase => debugreg::set_segment_base(current, low(a0), a1),
        Hypercall::Iret => return iret::iret(current),
        Hypercall::MmuUpdate => {
            return mmu_update::mmu_update(current, Batch::new(a0, low(a1), a2, a3));
        }
        Hypercall::MemoryOp => return memory_op::memory_op(current, a0, GuestPtr::new(a1)),
        Hypercall::SetGdt => return descriptor::set_gdt(current, GuestPtr::new(a0), low(a1)),
        Hypercall::UpdateDescriptor => return descriptor::update_descriptor(current, a0, a1),
        Hypercall::UpdateVaMapping => {
            return update_va_mapping::update_va_mapping(current, a0, a1, a2);
        }
        Hypercall::UpdateVaMappingOtherdomain => {
            return update_va_mapping::update_va_mapping_otherdomain(current, a0, a1, a2, a3);
        }
        Hypercall::MmuextOp => {
            return mmuext_op::mmuext_op(current, Batch::new(a0, low(a1), a2, a3));
        }
        Hypercall::Domctl => return domctl::domctl(current, GuestPtr::new(a0)),
        Hypercall::Sysctl => sysctl::sysctl(current, GuestPtr::new(a0)),
        Hypercall::PhysdevOp => physdev_op::physdev_op(current, low(a0), GuestPtr::new(a1)),
        Hypercall::PlatformOp => platform_op::platform_op(current, GuestPtr::new(a0)),
        Hypercall::SchedOp => sched_op::sched_op(current, low(a0), GuestPtr::new(a1)),
        Hypercall::SchedOpCompat => sched_op::sched_op_compat(current, low(a0), low(a1)),
        Hypercall::EventChannelOp => {
            return event_channel_op::event_channel_op(current, low(a0), GuestPtr::new(a1));
        }
        Hypercall::EventChannelOpCompat => {
            return event_channel_op::event_channel_op_compat(current, GuestPtr::new(a0));
        }
        Hypercall::GrantTableOp => {
            return grant_table_op::grant_table_op(current, low(a0), GuestPtr::new(a1), low(a2));
        }
        Hypercall::Multicall => {
            return multicall::multicall(current, GuestPtr::new(a0), low(a1));
        }
        Hypercall::SetTimerOp => set_timer_op::set_timer_op(current, a0),
        Hypercall::VcpuOp => vcpu_op::vcpu_op(current, low(a0), low(a1), GuestPtr::new(a2)),
        Hypercall::HvmOp => hvm_op::hvm_op(current, low(a0), GuestPtr::new(a1)),
        Hypercall::VmAssist => vm_assist::vm_assist(current, low(a0), low(a1)),
        Hypercall::XenVersion => xen_version::xen_version(current, low(a0), GuestPtr::new(a1)),
        #[cfg(debug_assertions)]
        Hypercall::Audit => audit::audit(current, low(a0)),
        #[cfg(not(debug_assertions))]
        Hypercall::Audit => Err(Errno::Enosys),
        Hypercall::PhysdevOpCompat
        | Hypercall::XsmOp
        | Hypercall::XenoprofOp
        | Hypercall::KexecOp
        | Hypercall::TmemOp
        | Hypercall::ArgoOp
        | Hypercall::XenpmuOp
        | Hypercall::DmOp
        | Hypercall::HypfsOp
        | Hypercall::Mca
        | Hypercall::PagingDomctlCont => Err(Errno::Enosys),
    };
    value.map(Outcome::Done)
}

/// Called by the system call entry. Returns the vCPU to continue with.
pub extern "C" fn hypercall_from_guest(vcpu: &Vcpu) -> *const Vcpu {
    if !vcpu.in_kernel.get() {
        return trap::syscall_from_user(vcpu);
    }
    let regs = &vcpu.regs;
    match execute(&Current::new(vcpu), regs.rax.get(), &regs.arguments()) {
        Ok(Outcome::Done(value)) => regs.rax.set(value),
        Ok(Outcome::Continue(args)) => continue_later(vcpu, &args),
        Ok(Outcome::Registers) => {}
        Err(errno) => regs.rax.set(errno.to_return().cast_unsigned()),
    }
    trap::leave(vcpu)
}

/// Makes the guest execute the hypercall again, with `args`; rax still holds its number.
#[cold]
fn continue_later(vcpu: &Vcpu, args: &Arguments) {
    const SYSCALL_BYTES: u64 = 2;
    let regs = &vcpu.regs;
    regs.set_arguments(args);
    regs.rip.set(regs.rip.get().wrapping_sub(SYSCALL_BYTES));
    crate::current::pcpu().reschedule.set(true);
}
