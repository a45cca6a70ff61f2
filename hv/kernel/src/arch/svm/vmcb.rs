// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Vmcb`]: the page by which SVM is told of a guest, and tells (AMD APM volume 2, appendix B).
use crate::hvm::control_block::Segment;
use crate::run_cell::RunCell;

/// Whether a guest can take an NMI, which the processor does not keep.
#[derive(Clone, Copy)]
#[repr(u64)]
pub enum NmiMask {
    /// It can.
    Open,
    /// Its handler has not returned.
    Handler,
    /// Its handler returns by the instruction at this address.
    Return(u64),
}

/// The control block of a virtual CPU: what to intercept, why it left, and most of its state.
#[repr(C, align(4096))]
pub struct Vmcb {
    /// Intercepted reads (low half) and writes of control registers.
    pub control_registers: RunCell<u32>,
    /// The same of debug registers.
    pub debug_registers: RunCell<u32>,
    /// Intercepted exceptions.
    pub exceptions: RunCell<u32>,
    /// Intercepted events and instructions.
    pub instructions: RunCell<[u32; 2]>,
    _reserved0: [u32; 11],
    /// Machine address of the I/O permission map.
    pub io_map: RunCell<u64>,
    /// Machine address of the MSR permission map.
    pub msr_map: RunCell<u64>,
    /// What is added to the TSC.
    pub tsc_offset: RunCell<u64>,
    /// Tag of the guest's translations.
    pub asid: RunCell<u32>,
    /// What to flush at entry.
    pub tlb_control: RunCell<u32>,
    /// The virtual interrupt.
    pub interrupt: RunCell<u64>,
    /// Bit 0: interrupts are held back for one instruction.
    pub shadow: RunCell<u64>,
    /// Why the guest left.
    pub exit_code: RunCell<u64>,
    /// More about it.
    pub exit_info: RunCell<[u64; 2]>,
    /// The event that was being delivered meanwhile.
    pub exit_event: RunCell<u64>,
    /// Bit 0: nested paging.
    pub nested: RunCell<u64>,
    _reserved1: [u64; 2],
    /// The event to deliver at entry.
    pub event: RunCell<u64>,
    /// Root of the second-level tables.
    pub nested_root: RunCell<u64>,
    _reserved2: [u64; 2],
    /// The next instruction behind the one that left, or 0, where the processor saves it.
    pub next_rip: RunCell<u64>,
    _reserved10: [u64; 96],
    /// For the hypervisor's own use: whether the guest can take an NMI.
    pub nmi_mask: RunCell<NmiMask>,
    /// For the hypervisor's own use: CR0, CR3, CR4 and EFER as they were last set, which the guest
    /// sees under shadow paging.
    pub guest_controls: RunCell<[u64; 4]>,
    /// es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr.
    pub segments: [RunCell<Segment>; 10],
    _reserved3: [u8; 43],
    /// Privilege level.
    pub cpl: RunCell<u8>,
    _reserved4: u32,
    /// Extended features.
    pub efer: RunCell<u64>,
    _reserved5: [u64; 14],
    /// Control register 4.
    pub cr4: RunCell<u64>,
    /// Control register 3.
    pub cr3: RunCell<u64>,
    /// Control register 0.
    pub cr0: RunCell<u64>,
    /// Debug control.
    pub dr7: RunCell<u64>,
    /// Debug status.
    pub dr6: RunCell<u64>,
    /// Flags.
    pub rflags: RunCell<u64>,
    /// Next instruction.
    pub rip: RunCell<u64>,
    _reserved6: [u64; 11],
    /// Stack.
    pub rsp: RunCell<u64>,
    _reserved7: [u64; 3],
    /// rax.
    pub rax: RunCell<u64>,
    /// star, lstar, cstar, syscall mask.
    pub syscall: RunCell<[u64; 4]>,
    /// The base that swapgs exchanges.
    pub kernel_gs_base: RunCell<u64>,
    /// sysenter cs, esp, eip.
    pub sysenter: RunCell<[u64; 3]>,
    /// Address of the last page fault.
    pub cr2: RunCell<u64>,
    _reserved8: [u64; 4],
    /// What the guest's page attributes mean.
    pub pat: RunCell<u64>,
    _reserved9: [u64; 306],
}

/// Indices of [`Vmcb::segments`].
pub mod segment {
    use hv_core::instruction_bytes::SegmentRegister;

    /// Where a register is.
    pub const fn index(register: SegmentRegister) -> usize {
        match register {
            SegmentRegister::Es => 0,
            SegmentRegister::Cs => 1,
            SegmentRegister::Ss => 2,
            SegmentRegister::Ds => 3,
            SegmentRegister::Fs => 4,
            SegmentRegister::Gs => 5,
        }
    }

    /// gdtr.
    pub const GDTR: usize = 6;
    /// idtr.
    pub const IDTR: usize = 8;
    /// Where cs, ds, es, fs, gs, ss, tr, ldtr are, the order of [`xen_abi::hvm_save`].
    pub const SAVED: [usize; 8] = [1, 3, 0, 4, 5, 2, 9, 7];
}

macro_rules! assert_offsets {
    ($($field:ident @ $offset:expr),* $(,)?) => {
        const _: () = { $( assert!(core::mem::offset_of!(Vmcb, $field) == $offset); )* };
    };
}

const _: () = assert!(size_of::<Vmcb>() == 4096);
assert_offsets!(instructions @ 0xc, io_map @ 0x40, tsc_offset @ 0x50, asid @ 0x58,
    interrupt @ 0x60, exit_code @ 0x70, exit_event @ 0x88, nested @ 0x90, event @ 0xa8,
    nested_root @ 0xb0, next_rip @ 0xc8, guest_controls @ 0x3e0, segments @ 0x400, cpl @ 0x4cb, efer @ 0x4d0,
    cr4 @ 0x548, dr6 @ 0x568, rip @ 0x578, rsp @ 0x5d8, rax @ 0x5f8, syscall @ 0x600, kernel_gs_base @ 0x620,
    sysenter @ 0x628, cr2 @ 0x640, pat @ 0x668);
