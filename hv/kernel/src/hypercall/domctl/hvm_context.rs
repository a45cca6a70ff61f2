// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of a PVH domain's vCPUs, in records.
use core::arch::x86_64::__cpuid_count;

use hv_core::hvm::context::{self, MAX_BYTES};
use xen_abi::domctl::HvmContext;
use xen_abi::errno::Errno;
use xen_abi::hvm_save::{FPU_VALID, SaveHeader};
use xen_abi::vcpu::{VGCF_I387_VALID, VGCF_ONLINE, VcpuGuestContext};

use super::Request;
use crate::arch::cpu;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::hvm::state;
use crate::schedule;
use crate::time;
use crate::vcpu::Vcpu;

/// Sets the registers of the first vCPU, which never ran, and lets it run when its domain does. `EINVAL` for a PV domain and for records that are
/// none, `EOPNOTSUPP` for a vCPU that has its registers, `EFAULT`.
pub(super) fn set(domain: &Domain, request: &Request) -> Result<(), Errno> {
    let HvmContext { size, buffer, .. } = request.payload()?;
    if domain.hvm.is_none() || domain.life.lock().is_dying() {
        return Err(Errno::Einval);
    }
    let vcpu = domain.vcpu(0).ok_or(Errno::Einval)?;
    if vcpu.hvm.is_ready.get() {
        return Err(Errno::Eopnotsupp);
    }
    let mut records = [0; MAX_BYTES];
    let size = usize::try_from(size).map_err(|_| Errno::Einval)?;
    let records = records.get_mut(..size).ok_or(Errno::Einval)?;
    GuestPtr::new(buffer).read_slice(records)?;
    let address_bits = u32::from(cpu::features().physical_bits);
    state::set(vcpu, &context::read(records, address_bits, time::now_ns())?);
    schedule::set_up(vcpu, true);
    Ok(())
}

/// Reads the registers of all vCPUs that are up; without a buffer it says how large one must be.
/// `EINVAL` for a PV domain, `ENOSPC` for a buffer that is too small, `EFAULT`.
pub(super) fn get(domain: &Domain, request: Request) -> Result<(), Errno> {
    let payload: HvmContext = request.payload()?;
    if domain.hvm.is_none() {
        return Err(Errno::Einval);
    }
    let bytes = context::bytes(domain.vcpus().count());
    let bytes = u32::try_from(bytes).map_err(|_| Errno::Einval)?;
    if payload.buffer == 0 {
        return request.answer(&HvmContext { size: bytes, ..payload });
    }
    if payload.size < bytes {
        return Err(Errno::Enospc);
    }
    let header = SaveHeader {
        cpuid: __cpuid_count(1, 0).eax,
        gtsc_khz: u32::try_from(time::tsc_khz()).unwrap_or(u32::MAX),
        ..SaveHeader::default()
    };
    let mut written = 0;
    context::write(
        &header,
        || domain.vcpus(),
        time::now_ns(),
        |part| {
            GuestPtr::<u8>::new(payload.buffer).element(written)?.write_slice(part)?;
            written = written.saturating_add(part.len() as u64);
            Ok(())
        },
    )?;
    request.answer(&HvmContext { size: u32::try_from(written).unwrap_or(bytes), ..payload })
}

/// A vCPU's registers in the form of those of a PV domain. `ENODATA` for one that has none yet.
pub(super) fn of(vcpu: &Vcpu) -> Result<VcpuGuestContext, Errno> {
    if !vcpu.hvm.is_ready.get() {
        return Err(Errno::Enodata);
    }
    let cpu = state::read(vcpu);
    let mut user_regs = vcpu.regs.to_user_regs();
    let [cs, ds, es, fs, gs, ss, ..] = cpu.selectors.map(|selector| {
        let [low, high, ..] = selector.to_le_bytes();
        u16::from_le_bytes([low, high])
    });
    (user_regs.cs, user_regs.ds, user_regs.es) = (cs, ds, es);
    (user_regs.fs, user_regs.gs, user_regs.ss) = (fs, gs, ss);
    let [_, _, _, fs_base, gs_base, ..] = cpu.bases;
    let (gs_base_kernel, gs_base_user) =
        if cs & 3 == 0 { (gs_base, cpu.shadow_gs) } else { (cpu.shadow_gs, gs_base) };
    let [dr0, dr1, dr2, dr3, dr6, dr7] = cpu.debug;
    let online = if vcpu.account.get().is_up() { VGCF_ONLINE } else { 0 };
    Ok(VcpuGuestContext {
        fpu_ctxt: cpu.fpu_regs,
        flags: online | if cpu.flags & FPU_VALID != 0 { VGCF_I387_VALID } else { 0 },
        user_regs,
        ctrlreg: [cpu.cr0, 0, cpu.cr2, cpu.cr3, cpu.cr4, 0, 0, 0],
        debugreg: [dr0, dr1, dr2, dr3, 0, 0, dr6, dr7],
        fs_base,
        gs_base_kernel,
        gs_base_user,
        ..VcpuGuestContext::default()
    })
}
