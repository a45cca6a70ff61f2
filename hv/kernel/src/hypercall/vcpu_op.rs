// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vcpu_op`: starting and stopping vCPUs, their records and timers.
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::sched::ShutdownReason;
use xen_abi::shared_info::VcpuInfo;
use xen_abi::time::VcpuTimeInfo;
use xen_abi::vcpu::{
    RegisterArea, RegisterVcpuInfo, RunstateInfo, SetPeriodicTimer, SetSingleshotTimer,
    VcpuGuestContext, VcpuOp,
};

use crate::current::Current;
use crate::guest_ptr::{GuestPtr, is_guest_range};
use crate::hvm::{physmap, startup};
use crate::schedule::{self, Timer};
use crate::vcpu::Vcpu;
use crate::{guest_areas, life, nmi, time};

/// The shortest period of a periodic timer, ns.
const MIN_PERIOD_NS: u64 = 1_000_000;
/// The longest one: system time is a signed number.
const MAX_PERIOD_NS: u64 = i64::MAX.cast_unsigned();

/// `vcpu_op(op, vcpu, argument)`. `ENOENT` for a vCPU the domain does not have.
pub fn vcpu_op(current: &Current, op: u32, vcpu: u32, argument: GuestPtr) -> Result<u64, Errno> {
    let vcpu = current.domain().vcpu(vcpu).ok_or(Errno::Enoent)?;
    match VcpuOp::try_from(op)? {
        VcpuOp::Initialise if vcpu.is_hvm.get() => {
            startup::initialise(vcpu, &argument.cast().read()?)?;
        }
        VcpuOp::Initialise => initialise(vcpu, argument.cast())?,
        VcpuOp::Up => up(vcpu)?,
        VcpuOp::Down => down(current, vcpu),
        VcpuOp::IsUp => return Ok(u64::from(vcpu.account.get().is_up())),
        VcpuOp::GetRunstateInfo => {
            let info: RunstateInfo = vcpu.account.get().clock().info(time::now_ns());
            argument.cast().write(&info)?;
        }
        VcpuOp::RegisterRunstateMemoryArea => {
            let area = area(argument.cast(), size_of::<RunstateInfo>())?;
            vcpu.runstate_area.set(area);
            guest_areas::update_runstate(vcpu);
        }
        VcpuOp::RegisterVcpuTimeMemoryArea => {
            let area = area(argument.cast(), size_of::<VcpuTimeInfo>())?;
            vcpu.time_area.set(area);
            guest_areas::update_time(vcpu);
        }
        VcpuOp::SetPeriodicTimer => {
            let SetPeriodicTimer { period_ns } = argument.cast().read()?;
            if !(MIN_PERIOD_NS..=MAX_PERIOD_NS).contains(&period_ns) {
                return Err(Errno::Einval);
            }
            schedule::set_period(vcpu, period_ns);
        }
        VcpuOp::StopPeriodicTimer => schedule::set_period(vcpu, 0),
        VcpuOp::SetSingleshotTimer => {
            require_self(current, vcpu)?;
            // A time that has passed fires at once, whatever the flags say, as on Xen 4.17.
            let SetSingleshotTimer { timeout_abs_ns, .. } = argument.cast().read()?;
            schedule::set_timer(vcpu, Timer::Singleshot, Some(timeout_abs_ns));
        }
        VcpuOp::StopSingleshotTimer => {
            require_self(current, vcpu)?;
            schedule::set_timer(vcpu, Timer::Singleshot, None);
        }
        VcpuOp::RegisterVcpuInfo => {
            let RegisterVcpuInfo { mfn, offset, .. } = argument.cast().read()?;
            register_info(current, vcpu, mfn, offset)?;
        }
        VcpuOp::SendNmi => {
            if !argument.is_null() {
                return Err(Errno::Einval);
            }
            nmi::send(vcpu);
        }
        VcpuOp::GetPhysid => return Err(Errno::Einval),
        VcpuOp::RegisterRunstatePhysArea | VcpuOp::RegisterVcpuTimePhysArea => {
            return Err(Errno::Enosys);
        }
    }
    Ok(0)
}

/// `EINVAL` unless the vCPU is the caller.
fn require_self(current: &Current, vcpu: &Vcpu) -> Result<(), Errno> {
    if vcpu.id == current.vcpu().id { Ok(()) } else { Err(Errno::Einval) }
}

/// `EEXIST`: the vCPU has its registers already, from the one who built the domain.
fn initialise(vcpu: &Vcpu, argument: GuestPtr<VcpuGuestContext>) -> Result<(), Errno> {
    if vcpu.kernel_root.get().is_some() {
        // The argument is looked at first, as on Xen.
        argument.read()?;
        return Err(Errno::Eexist);
    }
    Err(Errno::Einval)
}

/// `EINVAL` for a vCPU that has no registers.
fn up(vcpu: &Vcpu) -> Result<(), Errno> {
    if vcpu.kernel_root.get().is_none() && !vcpu.hvm.is_ready.get() {
        return Err(Errno::Einval);
    }
    schedule::set_up(vcpu, true);
    Ok(())
}

/// The last vCPU of a domain that goes down ends the domain.
pub fn down(current: &Current, vcpu: &Vcpu) {
    let others =
        current.domain().vcpus().any(|other| other.id != vcpu.id && other.account.get().is_up());
    if others {
        schedule::set_up(vcpu, false);
    } else {
        life::shut_down(current.domain(), SHUTDOWN_POWEROFF);
    }
}

/// A domain that stops its last vCPU is done.
const SHUTDOWN_POWEROFF: u8 = {
    assert!(ShutdownReason::Poweroff.raw() == 0);
    0
};

/// The address a guest registers; 0 takes the registration back. `EFAULT` outside of the guest's
/// part of the address space.
fn area(argument: GuestPtr<RegisterArea>, bytes: usize) -> Result<u64, Errno> {
    let RegisterArea { addr } = argument.read()?;
    if is_guest_range(addr, bytes as u64) { Ok(addr) } else { Err(Errno::Efault) }
}

/// Moves the vCPU's info to a frame of the guest. `ENXIO` where it does not fit or is not aligned,
/// `EINVAL` where it was moved before, or where the frame is not the domain's to write.
fn register_info(current: &Current, vcpu: &Vcpu, mfn: u64, offset: u32) -> Result<(), Errno> {
    let fits = u64::from(offset).saturating_add(size_of::<VcpuInfo>() as u64) <= 4096;
    let aligned = u64::from(offset).is_multiple_of(align_of::<VcpuInfo>() as u64);
    if !fits || !aligned {
        return Err(Errno::Enxio);
    }
    if vcpu.info_frame.get().is_some() {
        return Err(Errno::Einval);
    }
    if vcpu.id != current.vcpu().id && vcpu.account.get().is_up() {
        return Err(Errno::Einval);
    }
    let mfn = physmap::machine_frame(vcpu.domain(), Mfn::new(mfn)).ok_or(Errno::Einval)?;
    guest_areas::move_info(vcpu, mfn, u64::from(offset))
}
