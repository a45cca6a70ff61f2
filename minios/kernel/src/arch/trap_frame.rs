// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registers of interrupted code, as arch/trap.S pushes them.
use core::fmt;
use core::mem::offset_of;

/// Bytes of an entry stub: pv/trap.S and pvh/trap.S have one a vector.
pub(crate) const STUB_BYTES: usize = 16;

/// Registers at the time of a trap; what a handler changes here is what the code goes on with.
#[derive(Clone, Debug)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are named after the registers")]
pub struct TrapFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rax: u64,
    pub vector: u64,
    pub error: u64,
    pub rip: u64,
    /// Selector in bits 0-15; of a PV guest its RPL cleared, and the upcall mask before the trap in
    /// bits 32-39.
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

const _: () = assert!(offset_of!(TrapFrame, vector) == 15 * 8);
const _: () = assert!(size_of::<TrapFrame>() == 22 * 8);

impl TrapFrame {
    /// Whether events were masked when the trap came.
    #[must_use]
    pub fn upcall_mask(&self) -> bool {
        /// The interrupt flag, which is the mask of a PVH guest and always set in a PV guest's frame.
        const IF: u64 = 1 << 9;
        self.cs >> 32 & 0xff != 0 || self.rflags & IF == 0
    }
}

impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, .. } = self;
        let Self { r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags, cs, ss, .. } = self;
        writeln!(f, "  rip {rip:016x}  rflags {rflags:08x}  cs {cs:x}  ss {ss:x}")?;
        writeln!(f, "  rax {rax:016x}  rbx {rbx:016x}  rcx {rcx:016x}  rdx {rdx:016x}")?;
        writeln!(f, "  rsi {rsi:016x}  rdi {rdi:016x}  rbp {rbp:016x}  rsp {rsp:016x}")?;
        writeln!(f, "  r8  {r8:016x}  r9  {r9:016x}  r10 {r10:016x}  r11 {r11:016x}")?;
        write!(f, "  r12 {r12:016x}  r13 {r13:016x}  r14 {r14:016x}  r15 {r15:016x}")
    }
}
