// SPDX-License-Identifier: MIT OR Apache-2.0
//! AMD-V: the first back end of [`crate::hvm`].
//!
//! A back end gives: [`start`]; [`make`] and [`free`] for a vCPU's control block; [`Exit`] of a vCPU
//! that left ([`exit`]); what is to happen at its next entry ([`inject`], [`set_interrupt`],
//! [`set_tsc_offset`]); registers that are not in [`Registers`](crate::registers::Registers); and
//! the assembly that enters (`enter.S`).
use hv_core::hvm::p2m::Format;
use hv_core::hvm::paging::Paging;
use hv_core::page_type::Machine;
use xen_abi::hvm_save::HvmCpu;

use crate::machine::Host;
use crate::memory::{direct_map, frames};
use crate::vcpu::Vcpu;

mod exit;
mod features;
mod vmcb;

pub use exit::exit;
pub use features::start;
pub use vmcb::Vmcb;

use features::{EFER_SVME, svm};
use vmcb::{Segment, segment};

/// How second-level tables are written.
pub const FORMAT: Format = Format::Npt;

/// What leaves the guest, by bit of [`Vmcb::instructions`].
mod intercept {
    /// INTR, NMI, INIT; rdpmc, cpuid, rsm, invd, hlt, invlpga, ports, MSRs, task switches,
    /// FERR_FREEZE, shutdown.
    pub(super) const FIRST: u32 = 1 << 0
        | 1 << 1
        | 1 << 3
        | 1 << 15
        | 1 << 18
        | 1 << 19
        | 1 << 22
        | 1 << 24
        | 1 << 26
        | 1 << 27
        | 1 << 28
        | 1 << 29
        | 1 << 30
        | 1 << 31;
    /// All of SVM's own instructions, rdtscp, wbinvd, monitor, mwait, xsetbv.
    pub(super) const SECOND: u32 = 0b11_1110_1111_1111;
    /// #DB and #AC, which can follow each other without end; #MC, which is the host's.
    pub(super) const EXCEPTIONS: u32 = 1 << 1 | 1 << 17 | 1 << 18;
    /// Writes of CR4.
    pub(super) const CONTROL: u32 = 1 << (16 + 4);
    /// All debug registers.
    pub(super) const DEBUG: u32 = u32::MAX;
}

/// A control block for a vCPU without registers; `None` without memory, or without AMD-V.
pub fn make() -> Option<&'static Vmcb> {
    const PAT_AT_RESET: u64 = 0x0007_0406_0007_0406;
    const NESTED_PAGING: u64 = 1;
    let svm = svm()?;
    let place = frames::alloc_for::<Vmcb>()?;
    // SAFETY: zeroed memory is a valid control block, and lives until `free`.
    let vmcb: &'static Vmcb = unsafe { place.as_ref() };
    vmcb.control_registers.set(intercept::CONTROL);
    vmcb.debug_registers.set(intercept::DEBUG);
    vmcb.exceptions.set(intercept::EXCEPTIONS);
    vmcb.instructions.set([intercept::FIRST, intercept::SECOND]);
    vmcb.io_map.set(svm.io_map.maddr().get());
    vmcb.msr_map.set(svm.msr_map.maddr().get());
    vmcb.asid.set(1);
    vmcb.nested.set(NESTED_PAGING);
    vmcb.pat.set(PAT_AT_RESET);
    vmcb.dr6.set(crate::arch::debug::DR6_NONE);
    vmcb.dr7.set(crate::arch::debug::DR7_NONE);
    vmcb.efer.set(EFER_SVME);
    Some(vmcb)
}

/// Takes back what [`make`] gave; the vCPU never runs again.
pub fn free(vmcb: &'static Vmcb) {
    frames::free_for(core::ptr::NonNull::from(vmcb));
}

/// Sets the root of the second-level tables.
pub fn set_paging_root(vmcb: &Vmcb, root: xen_abi::frame::Mfn) {
    vmcb.nested_root.set(root.maddr().get());
}

/// Sets what is added to the host's TSC.
pub fn set_tsc_offset(vmcb: &Vmcb, offset: u64) {
    vmcb.tsc_offset.set(offset);
}

/// Lets the guest take an interrupt with this vector as soon as it can, or none.
pub fn set_interrupt(vmcb: &Vmcb, vector: Option<u8>) {
    const REQUEST: u64 = 1 << 8;
    const IGNORE_PRIORITY: u64 = 1 << 20;
    /// The host's interrupt flag decides over the host's interrupts.
    const MASKING: u64 = 1 << 24;
    const TASK_PRIORITY: u64 = 0xff;
    const VECTOR_SHIFT: u32 = 32;
    let kept = vmcb.interrupt.get() & TASK_PRIORITY;
    let request =
        vector.map_or(0, |vector| REQUEST | IGNORE_PRIORITY | u64::from(vector) << VECTOR_SHIFT);
    vmcb.interrupt.set(kept | MASKING | request);
}

/// Delivers an exception at the next entry.
pub fn inject(vmcb: &Vmcb, vector: u8, error_code: Option<u32>) {
    const EXCEPTION: u64 = 3 << 8;
    const HAS_ERROR_CODE: u64 = 1 << 11;
    const VALID: u64 = 1 << 31;
    let error = error_code.map_or(0, |code| u64::from(code) << 32 | HAS_ERROR_CODE);
    vmcb.event.set(u64::from(vector) | EXCEPTION | VALID | error);
}

/// The guest is past the instruction before which interrupts were held back.
pub fn clear_shadow(vmcb: &Vmcb) {
    vmcb.shadow.set(0);
}

/// How the guest translates addresses now.
pub fn paging(vmcb: &Vmcb) -> Paging {
    Paging {
        cr0: vmcb.cr0.get(),
        cr3: vmcb.cr3.get(),
        cr4: vmcb.cr4.get(),
        efer: vmcb.efer.get(),
        user: vmcb.cpl.get() == 3,
    }
}

/// The privilege level, 0 to 3.
pub fn cpl(vmcb: &Vmcb) -> u8 {
    vmcb.cpl.get()
}

/// Whether the guest runs 64-bit code.
pub fn is_64_bit(vmcb: &Vmcb) -> bool {
    const LONG: u16 = 1 << 9;
    paging(vmcb).efer & hv_core::hvm::paging::EFER_LMA != 0
        && vmcb.segments[segment::CS].get().attributes & LONG != 0
}

/// Base of the code segment.
pub fn code_base(vmcb: &Vmcb) -> u64 {
    vmcb.segments[segment::CS].get().base
}

/// EFER as the guest sees it.
pub fn efer(vmcb: &Vmcb) -> u64 {
    vmcb.efer.get() & !EFER_SVME
}

/// Sets EFER to a value that hv-core has allowed.
pub fn set_efer(vmcb: &Vmcb, value: u64) {
    vmcb.efer.set(value | EFER_SVME);
}

/// Control register 4.
pub fn set_cr4(vmcb: &Vmcb, value: u64) {
    vmcb.cr4.set(value);
}

/// The guest's page attributes.
pub fn pat(vmcb: &Vmcb) -> u64 {
    vmcb.pat.get()
}

/// Sets the guest's page attributes to a value that hv-core has allowed.
pub fn set_pat(vmcb: &Vmcb, value: u64) {
    vmcb.pat.set(value);
}

/// DR6 and DR7.
pub fn debug(vmcb: &Vmcb) -> [&crate::run_cell::RunCell<u64>; 2] {
    [&vmcb.dr6, &vmcb.dr7]
}

/// Sets everything of a state that is not in the general registers.
pub fn set_state(vmcb: &Vmcb, cpu: &HvmCpu) {
    for (index, place) in segment::SAVED.into_iter().enumerate() {
        let [low, high, ..] = cpu.attributes[index].to_le_bytes();
        let [selector, selector_high, ..] = cpu.selectors[index].to_le_bytes();
        vmcb.segments[place].set(Segment {
            selector: u16::from_le_bytes([selector, selector_high]),
            attributes: u16::from_le_bytes([low, high]) & 0xfff,
            limit: cpu.limits[index],
            base: cpu.bases[index],
        });
    }
    let table = |base, limit| Segment { limit, base, ..Segment::default() };
    vmcb.segments[segment::GDTR].set(table(cpu.gdtr_base, cpu.gdtr_limit));
    vmcb.segments[segment::IDTR].set(table(cpu.idtr_base, cpu.idtr_limit));
    vmcb.cpl.set(0);
    vmcb.cr0.set(cpu.cr0);
    vmcb.cr2.set(cpu.cr2);
    vmcb.cr3.set(cpu.cr3);
    vmcb.cr4.set(cpu.cr4);
    set_efer(vmcb, cpu.msr_efer);
    let [lstar, star, cstar, mask] = cpu.syscall;
    vmcb.syscall.set([star, lstar, cstar, mask]);
    vmcb.kernel_gs_base.set(cpu.shadow_gs);
    vmcb.sysenter.set(cpu.sysenter);
}

/// Machine addresses for `enter.S`.
#[repr(C)]
pub struct Addresses {
    /// The control block.
    pub guest: u64,
    /// Where the host's part of vmload and vmsave is.
    pub host: u64,
}

/// The last steps before vmrun, called by `enter.S`.
pub extern "C" fn prepare(vcpu: &Vcpu) -> Addresses {
    const FLUSH_ALL: u32 = 1;
    let vmcb = vcpu.hvm.vmcb();
    crate::hvm::events::show(vcpu);
    let regs = &vcpu.regs;
    vmcb.rax.set(regs.rax.get());
    vmcb.rip.set(regs.rip.get());
    vmcb.rsp.set(regs.rsp.get());
    vmcb.rflags.set(regs.rflags.get());
    let now = Host.tlb_clock();
    let stale = vcpu.hvm.flushed_at.get() != now;
    vmcb.tlb_control.set(if stale { FLUSH_ALL } else { 0 });
    vcpu.hvm.flushed_at.set(now);
    let host = svm().expect("a vCPU with a control block needs AMD-V").host.maddr().get();
    Addresses { guest: direct_map::maddr(vmcb).get(), host }
}
