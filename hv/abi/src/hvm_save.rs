// SPDX-License-Identifier: MIT OR Apache-2.0
//! The records of a virtual machine's state (`public/hvm/save.h`,
//! `public/arch-x86/hvm/save.h`): each is a [`RecordHeader`] and its bytes; the last one is of
//! type [`TYPE_END`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`RecordHeader::typecode`]: the end.
pub const TYPE_END: u16 = 0;
/// [`RecordHeader::typecode`]: [`SaveHeader`], the first record.
pub const TYPE_HEADER: u16 = 1;
/// [`RecordHeader::typecode`]: [`HvmCpu`].
pub const TYPE_CPU: u16 = 2;
/// [`RecordHeader::typecode`]: [`HvmLapic`].
pub const TYPE_LAPIC: u16 = 5;
/// [`RecordHeader::typecode`]: [`HvmLapicRegs`].
pub const TYPE_LAPIC_REGS: u16 = 6;
/// [`RecordHeader::typecode`]: [`HvmMtrr`].
pub const TYPE_MTRR: u16 = 14;
/// [`SaveHeader::magic`].
pub const SAVE_MAGIC: u32 = 0x5438_1286;
/// [`SaveHeader::version`].
pub const SAVE_VERSION: u32 = 1;

/// What stands before each record.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RecordHeader {
    /// `TYPE_*`.
    pub typecode: u16,
    /// Which of that type: the vcpu.
    pub instance: u16,
    /// Bytes that follow.
    pub length: u32,
}

/// Who wrote the records.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SaveHeader {
    /// [`SAVE_MAGIC`].
    pub magic: u32,
    /// [`SAVE_VERSION`].
    pub version: u32,
    /// Changeset of the hypervisor.
    pub changeset: u64,
    /// eax of cpuid leaf 1.
    pub cpuid: u32,
    /// TSC rate, kHz.
    pub gtsc_khz: u32,
}

/// One number per segment register: cs, ds, es, fs, gs, ss, tr, ldtr.
pub type PerSegment<T> = [T; 8];

/// The processor state of a vcpu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HvmCpu {
    /// FPU image, `fxsave` form.
    pub fpu_regs: [u8; 512],
    /// rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp, r8 to r15.
    pub registers: [u64; 16],
    /// rip.
    pub rip: u64,
    /// rflags.
    pub rflags: u64,
    /// Control registers.
    pub cr0: u64,
    /// Address of the last page fault.
    pub cr2: u64,
    /// Root of the page tables.
    pub cr3: u64,
    /// Features in use.
    pub cr4: u64,
    /// dr0 to dr3, dr6, dr7.
    pub debug: [u64; 6],
    /// Selectors.
    pub selectors: PerSegment<u32>,
    /// Limits, bytes.
    pub limits: PerSegment<u32>,
    /// Limit of the interrupt descriptor table.
    pub idtr_limit: u32,
    /// Limit of the global descriptor table.
    pub gdtr_limit: u32,
    /// Bases.
    pub bases: PerSegment<u64>,
    /// Base of the interrupt descriptor table.
    pub idtr_base: u64,
    /// Base of the global descriptor table.
    pub gdtr_base: u64,
    /// Attributes: bits 40 to 47 and 52 to 55 of a descriptor.
    pub attributes: PerSegment<u32>,
    /// sysenter cs, esp, eip.
    pub sysenter: [u64; 3],
    /// The base that swapgs exchanges.
    pub shadow_gs: u64,
    /// Not used any more.
    pub msr_flags: u64,
    /// lstar, star, cstar, syscall mask.
    pub syscall: [u64; 4],
    /// EFER.
    pub msr_efer: u64,
    /// TSC_AUX.
    pub msr_tsc_aux: u64,
    /// What rdtsc gives.
    pub tsc: u64,
    /// An event that was being delivered.
    pub pending_event: u32,
    /// Its error code.
    pub error_code: u32,
    /// [`FPU_VALID`].
    pub flags: u32,
    /// 0.
    pub _pad: u32,
}

/// [`HvmCpu::flags`]: `fpu_regs` is valid.
pub const FPU_VALID: u32 = 1;

/// What of a vcpu's local APIC is not in its registers' page.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmLapic {
    /// `IA32_APIC_BASE`.
    pub apic_base_msr: u64,
    /// [`LAPIC_HARDWARE_DISABLED`], [`LAPIC_SOFTWARE_DISABLED`].
    pub disabled: u32,
    /// What the timer's clock is divided by: 1, 2, 4 .. 128.
    pub timer_divisor: u32,
    /// `IA32_TSC_DEADLINE`, in TSC ticks.
    pub tdt_msr: u64,
}

/// [`HvmLapic::disabled`]: by its base register.
pub const LAPIC_HARDWARE_DISABLED: u32 = 1 << 0;
/// [`HvmLapic::disabled`]: by its spurious interrupt vector register.
pub const LAPIC_SOFTWARE_DISABLED: u32 = 1 << 1;

/// The registers of a vcpu's local APIC: each 32-bit register is followed by 12 bytes of nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HvmLapicRegs {
    /// By register number, which is the offset in memory divided by 16.
    pub registers: [[u32; 4]; 64],
}

/// The memory type range registers of a vcpu.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmMtrr {
    /// What the page attributes mean.
    pub msr_pat_cr: u64,
    /// Base and mask of each variable range.
    pub msr_mtrr_var: [u64; 16],
    /// Types of the fixed ranges.
    pub msr_mtrr_fixed: [u64; 11],
    /// What there is.
    pub msr_mtrr_cap: u64,
    /// On or off, and the type of memory in no range.
    pub msr_mtrr_def_type: u64,
}

assert_layout!(HvmLapic, size = 24, disabled @ 8, timer_divisor @ 12, tdt_msr @ 16);
assert_layout!(HvmLapicRegs, size = 1024, registers @ 0);
assert_layout!(HvmMtrr, size = 240, msr_mtrr_var @ 8, msr_mtrr_fixed @ 136, msr_mtrr_cap @ 224);
assert_layout!(RecordHeader, size = 8, instance @ 2, length @ 4);
assert_layout!(SaveHeader, size = 24, changeset @ 8, cpuid @ 16, gtsc_khz @ 20);
assert_layout!(HvmCpu, size = 1032, rip @ 640, cr0 @ 656, debug @ 688, selectors @ 736,
    limits @ 768, idtr_limit @ 800, bases @ 808, idtr_base @ 872, attributes @ 888,
    sysenter @ 920, shadow_gs @ 944, syscall @ 960, msr_efer @ 992, tsc @ 1008, flags @ 1024);
default_zeroed!(HvmCpu);
default_zeroed!(HvmLapicRegs);
