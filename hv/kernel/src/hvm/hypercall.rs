// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercalls of a PVH guest: the same handlers as for PV, of which such a guest has those that are
//! not about page tables and descriptors.
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

use crate::current::{Current, pcpu};
use crate::domain::Domain;
use crate::hypercall::{Outcome, dispatch};
use crate::vcpu::Vcpu;

/// Executes the hypercall in the registers. Returns whether the guest goes on behind the
/// instruction, and not with it once more.
pub fn execute(vcpu: &Vcpu) -> bool {
    let regs = &vcpu.regs;
    let number = regs.rax.get();
    let outcome =
        check(vcpu, number).and_then(|()| dispatch(&Current::new(vcpu), number, &regs.arguments()));
    match outcome {
        Ok(Outcome::Done(value)) => regs.rax.set(value),
        Ok(Outcome::Registers) => {}
        Err(errno) => regs.rax.set(errno.to_return().cast_unsigned()),
        Ok(Outcome::Continue(args)) => {
            regs.set_arguments(&args);
            pcpu().reschedule.set(true);
            return false;
        }
    }
    true
}

/// `EPERM` for user mode, `ENOSYS` for 32-bit code and for calls that such a guest does not have.
fn check(vcpu: &Vcpu, number: u64) -> Result<(), Errno> {
    let block = vcpu.hvm.block();
    if block.cpl() != 0 {
        return Err(Errno::Eperm);
    }
    if block.is_64_bit() && is_available(Hypercall::try_from(number)?) {
        Ok(())
    } else {
        Err(Errno::Enosys)
    }
}

/// `ENOSYS` for a call that the domain does not have.
///
/// # Errors
/// See above.
pub fn check_call(domain: &Domain, number: u64) -> Result<(), Errno> {
    if domain.hvm.is_none() || is_available(Hypercall::try_from(number)?) {
        Ok(())
    } else {
        Err(Errno::Enosys)
    }
}

/// Whether PVH guests have the call.
const fn is_available(call: Hypercall) -> bool {
    matches!(
        call,
        Hypercall::MemoryOp
            | Hypercall::Multicall
            | Hypercall::SetTimerOp
            | Hypercall::PlatformOp
            | Hypercall::XenVersion
            | Hypercall::ConsoleIo
            | Hypercall::GrantTableOp
            | Hypercall::VmAssist
            | Hypercall::VcpuOp
            | Hypercall::SchedOp
            | Hypercall::EventChannelOp
            | Hypercall::HvmOp
            | Hypercall::Sysctl
            | Hypercall::Domctl
    )
}
