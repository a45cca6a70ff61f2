// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual processors (`public/vcpu.h`, `public/arch-x86/xen.h`).

use crate::frame::Mfn;
use crate::trap::TrapInfo;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `vcpu_op`; the second is the vcpu's number.
    pub enum VcpuOp: u32 {
        /// [`VcpuGuestContext`]: sets the registers of a vcpu which never ran.
        Initialise = 0,
        /// Lets it run.
        Up = 1,
        /// Stops it.
        Down = 2,
        /// Returns 1 if it is up.
        IsUp = 3,
        /// [`RunstateInfo`].
        GetRunstateInfo = 4,
        /// [`RegisterArea`]: where the hypervisor keeps a [`RunstateInfo`] up to date.
        RegisterRunstateMemoryArea = 5,
        /// [`SetPeriodicTimer`].
        SetPeriodicTimer = 6,
        /// Stops the periodic timer.
        StopPeriodicTimer = 7,
        /// [`SetSingleshotTimer`].
        SetSingleshotTimer = 8,
        /// Stops the one-shot timer.
        StopSingleshotTimer = 9,
        /// [`RegisterVcpuInfo`]: moves the vcpu info to a page of the guest.
        RegisterVcpuInfo = 10,
        /// Sends an NMI.
        SendNmi = 11,
        /// [`GetPhysid`].
        GetPhysid = 12,
        /// [`RegisterArea`]: a second place for the vcpu's clock.
        RegisterVcpuTimeMemoryArea = 13,
        /// [`Self::RegisterRunstateMemoryArea`] by physical address.
        RegisterRunstatePhysArea = 14,
        /// [`Self::RegisterVcpuTimeMemoryArea`] by physical address.
        RegisterVcpuTimePhysArea = 15,
    }
}

/// [`VcpuGuestContext::flags`]: the FPU image is valid.
pub const VGCF_I387_VALID: u64 = 1 << 0;
/// [`VcpuGuestContext::flags`]: in guest kernel mode.
pub const VGCF_IN_KERNEL: u64 = 1 << 2;
/// [`VcpuGuestContext::flags`]: the failsafe callback starts with events masked.
pub const VGCF_FAILSAFE_DISABLES_EVENTS: u64 = 1 << 3;
/// [`VcpuGuestContext::flags`]: the syscall callback starts with events masked.
pub const VGCF_SYSCALL_DISABLES_EVENTS: u64 = 1 << 4;
/// [`VcpuGuestContext::flags`]: the vcpu is online.
pub const VGCF_ONLINE: u64 = 1 << 5;

/// General registers of a guest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are the registers' names")]
pub struct CpuUserRegs {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub error_code: u32,
    pub entry_vector: u32,
    pub rip: u64,
    pub cs: u16,
    pub _pad0: u16,
    pub saved_upcall_mask: u8,
    pub _pad1: [u8; 3],
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u16,
    pub _pad2: [u16; 3],
    pub es: u16,
    pub _pad3: [u16; 3],
    pub ds: u16,
    pub _pad4: [u16; 3],
    pub fs: u16,
    pub _pad5: [u16; 3],
    pub gs: u16,
    pub _pad6: [u16; 3],
}

/// The whole state of a PV vcpu, to start it or to save it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VcpuGuestContext {
    /// FPU image, `fxsave` form.
    pub fpu_ctxt: [u8; 512],
    /// `VGCF_*` bits.
    pub flags: u64,
    /// General registers.
    pub user_regs: CpuUserRegs,
    /// Exception handlers, by vector.
    pub trap_ctxt: [TrapInfo; 256],
    /// Virtual address of the local descriptor table.
    pub ldt_base: u64,
    /// Its entries.
    pub ldt_ents: u64,
    /// Frames of the global descriptor table.
    pub gdt_frames: [Mfn; 16],
    /// Its entries.
    pub gdt_ents: u64,
    /// Stack selector of the guest kernel.
    pub kernel_ss: u64,
    /// Stack pointer of the guest kernel.
    pub kernel_sp: u64,
    /// Control registers: 0, 3 (kernel root, `mfn << 12`), 4; at 1 the user root.
    pub ctrlreg: [u64; 8],
    /// Debug registers.
    pub debugreg: [u64; 8],
    /// Entry for events.
    pub event_callback_eip: u64,
    /// Entry for failed returns.
    pub failsafe_callback_eip: u64,
    /// Entry for system calls.
    pub syscall_callback_eip: u64,
    /// Bit per assist type in use.
    pub vm_assist: u64,
    /// FS base.
    pub fs_base: u64,
    /// GS base of guest kernel mode.
    pub gs_base_kernel: u64,
    /// GS base of guest user mode.
    pub gs_base_user: u64,
}

number_enum! {
    /// What a vcpu is doing: [`RunstateInfo::state`], index of [`RunstateInfo::time`].
    pub enum Runstate: u32 {
        /// On a processor.
        Running = 0,
        /// Waiting for a processor.
        Runnable = 1,
        /// Sleeping.
        Blocked = 2,
        /// Paused, or down.
        Offline = 3,
    }
}

/// [`RunstateInfo::state_entry_time`]: set while the record is written, if the guest asked for it.
pub const RUNSTATE_UPDATE: u64 = 1 << 63;

/// How long a vcpu was in each state.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RunstateInfo {
    /// A [`Runstate`].
    pub state: u32,
    /// Padding.
    pub _pad: u32,
    /// System time of the last change, ns.
    pub state_entry_time: u64,
    /// Time in each state, ns.
    pub time: [u64; 4],
}

/// Argument of the `Register*Area` operations.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RegisterArea {
    /// Guest virtual address, or physical in the `Phys` forms.
    pub addr: u64,
}

/// Argument of [`VcpuOp::SetPeriodicTimer`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetPeriodicTimer {
    /// Period in ns.
    pub period_ns: u64,
}

/// [`SetSingleshotTimer::flags`]: refuse a time that has passed.
pub const SSHOTTMR_FUTURE: u32 = 1;

/// Argument of [`VcpuOp::SetSingleshotTimer`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetSingleshotTimer {
    /// System time in ns.
    pub timeout_abs_ns: u64,
    /// [`SSHOTTMR_FUTURE`].
    pub flags: u32,
    /// Padding.
    pub _pad: u32,
}

/// Argument of [`VcpuOp::RegisterVcpuInfo`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RegisterVcpuInfo {
    /// The frame.
    pub mfn: u64,
    /// Offset in the frame, bytes.
    pub offset: u32,
    /// Padding.
    pub _pad: u32,
}

/// Argument of [`VcpuOp::GetPhysid`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetPhysid {
    /// Out: APIC id low, ACPI id high.
    pub phys_id: u64,
}

assert_layout!(CpuUserRegs, size = 200, error_code @ 120, rip @ 128, cs @ 136,
    saved_upcall_mask @ 140, rflags @ 144, rsp @ 152, ss @ 160, gs @ 192);
assert_layout!(VcpuGuestContext, size = 5168, flags @ 512, user_regs @ 520, trap_ctxt @ 720,
    ldt_base @ 4816, gdt_frames @ 4832, kernel_ss @ 4968, kernel_sp @ 4976, ctrlreg @ 4984,
    debugreg @ 5048, event_callback_eip @ 5112, vm_assist @ 5136, fs_base @ 5144,
    gs_base_kernel @ 5152);
assert_layout!(RunstateInfo, size = 48, state_entry_time @ 8, time @ 16);
assert_layout!(RegisterArea, size = 8);
assert_layout!(SetPeriodicTimer, size = 8);
assert_layout!(SetSingleshotTimer, size = 16, flags @ 8);
assert_layout!(RegisterVcpuInfo, size = 16, offset @ 8);
assert_layout!(GetPhysid, size = 8);
default_zeroed!(VcpuGuestContext);
