// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registers of a vcpu of a domain in hardware virtualization, as its guest sets them by
//! [`VcpuOp::Initialise`](crate::vcpu::VcpuOp::Initialise) (`public/hvm/hvm_vcpu.h`).
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// [`VcpuHvmContext::mode`].
    pub enum VcpuHvmMode: u32 {
        /// 32-bit code with or without paging, or 16-bit code: [`VcpuHvm32`].
        Bits32 = 0,
        /// 64-bit code: [`VcpuHvm64`].
        Bits64 = 1,
    }
}

/// The argument of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VcpuHvmContext {
    /// A [`VcpuHvmMode`].
    pub mode: u32,
    /// 0.
    pub _pad: u32,
    /// A [`VcpuHvm32`], or a [`VcpuHvm64`].
    pub registers: [u8; 120],
}

/// One number per segment register: cs, ds, ss, es, tr.
pub type PerSegment<T> = [T; 5];

/// Registers for 32-bit code. All selectors are 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VcpuHvm32 {
    /// eax, ecx, edx, ebx, esp, ebp, esi, edi.
    pub registers: [u32; 8],
    /// eip.
    pub eip: u32,
    /// eflags.
    pub eflags: u32,
    /// Control register 0.
    pub cr0: u32,
    /// Root of the page tables.
    pub cr3: u32,
    /// Control register 4.
    pub cr4: u32,
    /// 0.
    pub _pad1: u32,
    /// EFER.
    pub efer: u64,
    /// Bases.
    pub bases: PerSegment<u32>,
    /// Limits, bytes or pages.
    pub limits: PerSegment<u32>,
    /// Attributes: bits 40 to 47 and 52 to 55 of a descriptor, the rest 0.
    pub attributes: PerSegment<u16>,
    /// 0.
    pub _pad2: [u16; 3],
}

/// Registers for 64-bit code. All segments are flat.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VcpuHvm64 {
    /// rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi.
    pub registers: [u64; 8],
    /// rip.
    pub rip: u64,
    /// rflags.
    pub rflags: u64,
    /// Control register 0.
    pub cr0: u64,
    /// Root of the page tables.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// EFER.
    pub efer: u64,
}

assert_layout!(VcpuHvmContext, size = 128, registers @ 8);
assert_layout!(VcpuHvm32, size = 120, eip @ 32, cr0 @ 40, efer @ 56, bases @ 64, limits @ 84,
    attributes @ 104);
assert_layout!(VcpuHvm64, size = 112, rip @ 64, cr0 @ 80, efer @ 104);
default_zeroed!(VcpuHvmContext);
