// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions, callbacks and the way back from them (`public/arch-x86/xen.h`,
//! `public/arch-x86/xen-x86_64.h`, `public/callback.h`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Selector of 64-bit code in ring 3, for guest kernel and guest user alike.
pub const FLAT_KERNEL_CS: u16 = 0xe033;
/// Selector of the guest kernel's stack.
pub const FLAT_KERNEL_SS: u16 = 0xe02b;
/// Selector of the guest kernel's data: null.
pub const FLAT_KERNEL_DS: u16 = 0;
/// Selector of 64-bit guest user code.
pub const FLAT_USER_CS: u16 = FLAT_KERNEL_CS;
/// Selector of the guest user's stack.
pub const FLAT_USER_SS: u16 = FLAT_KERNEL_SS;
/// Selector of 32-bit code in ring 3.
pub const FLAT_RING3_CS32: u16 = 0xe023;
/// Selector of 32-bit data in ring 3.
pub const FLAT_RING3_DS32: u16 = 0xe02b;

/// Pages of the descriptor table below the hypervisor's own part.
pub const RESERVED_GDT_PAGES: usize = 14;
/// The hypervisor's first byte in the descriptor table.
pub const FIRST_RESERVED_GDT_BYTE: u32 = 0xe000;
/// The hypervisor's first entry in the descriptor table: a guest has fewer entries than this.
pub const FIRST_RESERVED_GDT_ENTRY: u32 = FIRST_RESERVED_GDT_BYTE / 8;

/// Divide error.
pub const VECTOR_DE: u8 = 0;
/// Debug exception.
pub const VECTOR_DB: u8 = 1;
/// Non-maskable interrupt.
pub const VECTOR_NMI: u8 = 2;
/// Breakpoint.
pub const VECTOR_BP: u8 = 3;
/// Overflow.
pub const VECTOR_OF: u8 = 4;
/// Bound range exceeded.
pub const VECTOR_BR: u8 = 5;
/// Invalid opcode.
pub const VECTOR_UD: u8 = 6;
/// Device not available.
pub const VECTOR_NM: u8 = 7;
/// Double fault.
pub const VECTOR_DF: u8 = 8;
/// Invalid task state segment.
pub const VECTOR_TS: u8 = 10;
/// Segment not present.
pub const VECTOR_NP: u8 = 11;
/// Stack segment fault.
pub const VECTOR_SS: u8 = 12;
/// General protection fault.
pub const VECTOR_GP: u8 = 13;
/// Page fault.
pub const VECTOR_PF: u8 = 14;
/// x87 floating point error.
pub const VECTOR_MF: u8 = 16;
/// Alignment check.
pub const VECTOR_AC: u8 = 17;
/// Machine check.
pub const VECTOR_MC: u8 = 18;
/// SIMD floating point error.
pub const VECTOR_XM: u8 = 19;
/// Control protection.
pub const VECTOR_CP: u8 = 21;

/// Whether the processor pushes an error code for the vector.
#[must_use]
pub const fn has_error_code(vector: u8) -> bool {
    const WITH: u32 = 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21;
    vector < 32 && WITH >> vector & 1 != 0
}

/// [`TrapInfo::flags`]: the low two bits are the ring allowed to raise the vector by `int n`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct TrapFlags(u8);

bitflags::bitflags! {
    impl TrapFlags: u8 {
        /// Low bit of the ring.
        const DPL_LOW = 1 << 0;
        /// High bit of the ring.
        const DPL_HIGH = 1 << 1;
        /// Guest user mode may raise the vector (ring 3).
        const DPL3 = 3;
        /// The handler starts with events masked.
        const MASK_EVENTS = 1 << 2;
    }
}

impl TrapFlags {
    /// The ring allowed to raise the vector, 0 to 3.
    #[must_use]
    pub const fn dpl(self) -> u8 {
        self.0 & 3
    }
}

/// One handler in the table given to `set_trap_table`; address 0 ends the table.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TrapInfo {
    /// Exception vector.
    pub vector: u8,
    /// Ring and event mask.
    pub flags: TrapFlags,
    /// Code selector.
    pub cs: u16,
    /// Padding.
    pub _pad: u32,
    /// Guest virtual address of the handler.
    pub address: u64,
}

/// [`IretContext::flags`]: rcx and r11 are not restored (return from a system call).
pub const VGCF_IN_SYSCALL: u64 = 1 << 8;

/// What the `iret` hypercall finds at rsp.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IretContext {
    /// Restored.
    pub rax: u64,
    /// Restored, unless [`VGCF_IN_SYSCALL`].
    pub r11: u64,
    /// Restored, unless [`VGCF_IN_SYSCALL`].
    pub rcx: u64,
    /// [`VGCF_IN_SYSCALL`].
    pub flags: u64,
    /// Where to go on.
    pub rip: u64,
    /// Code selector: requested ring 3 means guest user mode.
    pub cs: u64,
    /// Flags; interrupt flag clear means events masked.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack selector.
    pub ss: u64,
}

number_enum! {
    /// What a callback is for.
    pub enum CallbackType: u16 {
        /// Event upcall.
        Event = 0,
        /// A return to the guest faulted.
        Failsafe = 1,
        /// `syscall` in guest user mode.
        Syscall = 2,
        /// Old number of [`Self::Sysenter`].
        SysenterDeprecated = 3,
        /// Non-maskable interrupt.
        Nmi = 4,
        /// `sysenter` in guest user mode.
        Sysenter = 5,
        /// `syscall` in 32-bit guest user mode.
        Syscall32 = 7,
    }
}

number_enum! {
    /// First argument of `callback_op`.
    pub enum CallbackOp: u32 {
        /// Takes a [`CallbackRegister`].
        Register = 0,
        /// Takes a [`CallbackUnregister`].
        Unregister = 1,
    }
}

/// [`CallbackRegister::flags`]: the callback starts with events masked.
pub const CALLBACKF_MASK_EVENTS: u16 = 1;

/// Argument of [`CallbackOp::Register`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CallbackRegister {
    /// A [`CallbackType`].
    pub kind: u16,
    /// [`CALLBACKF_MASK_EVENTS`].
    pub flags: u16,
    /// Padding.
    pub _pad: u32,
    /// Guest virtual address of the entry.
    pub address: u64,
}

/// Argument of [`CallbackOp::Unregister`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CallbackUnregister {
    /// A [`CallbackType`].
    pub kind: u16,
    /// Padding.
    pub _pad: u16,
}

number_enum! {
    /// First argument of `set_segment_base`.
    pub enum SegmentBase: u32 {
        /// The FS base.
        Fs = 0,
        /// The GS base of guest user mode.
        GsUser = 1,
        /// The GS base of guest kernel mode.
        GsKernel = 2,
        /// The GS selector of guest user mode.
        GsUserSelector = 3,
    }
}

assert_layout!(TrapInfo, size = 16, flags @ 1, cs @ 2, address @ 8);
assert_layout!(IretContext, size = 72, r11 @ 8, rcx @ 16, flags @ 24, rip @ 32, cs @ 40,
    rflags @ 48, rsp @ 56, ss @ 64);
assert_layout!(CallbackRegister, size = 16, flags @ 2, address @ 8);
assert_layout!(CallbackUnregister, size = 4);
