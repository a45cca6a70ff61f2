// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Exit`]: why a guest left, in words that all processors' back ends have in common.
use hv_core::emulate::Decoded;
pub use hv_core::hvm::delivery::Delivering;
use hv_core::hvm::instruction::Known;
use hv_core::hvm::status_word::StatusWord;

/// Why a guest left.
#[derive(Clone, Copy, Debug)]
pub enum Exit {
    /// An interrupt of the host waits.
    Interrupt,
    /// It can take what it could not take before.
    Window,
    /// A non-maskable interrupt of the host has been taken.
    Nmi,
    /// The machine is broken.
    MachineCheck,
    /// An exception of the guest's own, with its error code.
    Exception(u8, Option<u32>),
    /// An instruction that takes this exception.
    Refused(u8),
    /// `cpuid`.
    Cpuid,
    /// `hlt`.
    Hlt,
    /// `vmmcall` or `vmcall`.
    Hypercall,
    /// `rdmsr`.
    ReadMsr,
    /// `wrmsr`.
    WriteMsr,
    /// `xsetbv`.
    SetExtendedControl,
    /// `invd` or `wbinvd`.
    CacheFlush(Known),
    /// An access to a control or debug register; `None` where the instruction is none of those any
    /// more: another vCPU has changed it.
    Register(Option<Decoded>),
    /// A page fault, which shadow paging asks for.
    PageFault {
        /// Linear address.
        address: u64,
        /// As the guest's handler would see it.
        error: u32,
        /// What was being delivered meanwhile.
        delivering: Delivering,
    },
    /// `invlpg`, which shadow paging asks for; `None` where the processor does not say the address.
    InvalidatePage(Option<u64>),
    /// `smsw` or `lmsw`, as the back end has decoded it.
    StatusWord(StatusWord),
    /// `lmsw`, where the processor says the operand.
    LoadStatusWord {
        /// The operand.
        word: u16,
        /// Bytes of the instruction.
        length: u8,
    },
    /// An access to an I/O port.
    Port(PortExit),
    /// An access to memory that is not there, or not to be written.
    Memory {
        /// The guest's physical address.
        address: u64,
        /// What was being delivered meanwhile.
        delivering: Delivering,
    },
    /// An instruction at this physical address of the guest's, in 2 MiB that must not be executed as
    /// such.
    LargeCode(u64),
    /// A fault that could not be delivered, nor the one of that.
    TripleFault,
    /// A task gate, or a jump, call or return to another task.
    TaskSwitch,
    /// The processor could not enter the guest.
    NotEntered {
        /// Why not, and what the number is.
        why: &'static str,
        /// More about it.
        number: u64,
    },
    /// A reason that was not asked for: what the processor says.
    Unknown([u64; 3]),
}

/// An access to an I/O port.
#[derive(Clone, Copy, Debug)]
pub struct PortExit {
    /// From the port, not to it.
    pub is_read: bool,
    /// With memory, not with rax.
    pub is_string: bool,
    /// 1, 2 or 4.
    pub bytes: u8,
    /// The instruction behind it.
    pub next_rip: u64,
}
