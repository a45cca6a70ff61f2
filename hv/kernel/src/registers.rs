// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Registers`]: a guest's registers as the entry code stores them.
use core::mem::offset_of;

use xen_abi::vcpu::CpuUserRegs;

use crate::hypercall::Arguments;
use crate::run_cell::RunCell;

/// The layout of `cpu_user_regs` with every field a cell. The halves of words that hold a
/// selector are left out: the CPU pushes whole words.
#[repr(C)]
pub struct Registers {
    pub r15: RunCell<u64>,
    pub r14: RunCell<u64>,
    pub r13: RunCell<u64>,
    pub r12: RunCell<u64>,
    pub rbp: RunCell<u64>,
    pub rbx: RunCell<u64>,
    pub r11: RunCell<u64>,
    pub r10: RunCell<u64>,
    pub r9: RunCell<u64>,
    pub r8: RunCell<u64>,
    pub rax: RunCell<u64>,
    pub rcx: RunCell<u64>,
    pub rdx: RunCell<u64>,
    pub rsi: RunCell<u64>,
    pub rdi: RunCell<u64>,
    pub error_code: RunCell<u32>,
    pub entry_vector: RunCell<u32>,
    pub rip: RunCell<u64>,
    pub cs: RunCell<u16>,
    _cs_high: [RunCell<u16>; 3],
    pub rflags: RunCell<u64>,
    pub rsp: RunCell<u64>,
    pub ss: RunCell<u16>,
    _ss_high: [RunCell<u16>; 3],
}

/// Bytes from the start to behind `ss`, which is as far as the CPU's frame goes.
pub const FRAME_BYTES: usize = size_of::<Registers>();

const _: () = assert!(FRAME_BYTES == offset_of!(CpuUserRegs, es));
const _: () = assert!(offset_of!(Registers, rip) == offset_of!(CpuUserRegs, rip));
const _: () = assert!(offset_of!(Registers, ss) == offset_of!(CpuUserRegs, ss));

impl Registers {
    /// A hypercall's arguments.
    pub fn arguments(&self) -> Arguments {
        let [a0, a1, a2, a3, a4, a5] = self.argument_registers();
        [a0.get(), a1.get(), a2.get(), a3.get(), a4.get(), a5.get()]
    }

    /// Changes a hypercall's arguments to `args`.
    pub fn set_arguments(&self, args: &Arguments) {
        self.argument_registers()
            .iter()
            .zip(args)
            .for_each(|(register, value)| register.set(*value));
    }

    fn argument_registers(&self) -> [&RunCell<u64>; 6] {
        [&self.rdi, &self.rsi, &self.rdx, &self.r10, &self.r8, &self.r9]
    }

    /// edx:eax.
    pub fn pair(&self) -> u64 {
        self.rdx.get() << 32 | self.rax.get() & 0xffff_ffff
    }

    /// Sets edx:eax.
    pub fn set_pair(&self, value: u64) {
        self.rax.set(value & 0xffff_ffff);
        self.rdx.set(value >> 32);
    }

    /// General register `number` in the order of the instruction encoding: rax, rcx, rdx, rbx,
    /// rsp, rbp, rsi, rdi, r8 to r15.
    pub fn general(&self, number: u8) -> &RunCell<u64> {
        match number & 15 {
            0 => &self.rax,
            1 => &self.rcx,
            2 => &self.rdx,
            3 => &self.rbx,
            4 => &self.rsp,
            5 => &self.rbp,
            6 => &self.rsi,
            7 => &self.rdi,
            8 => &self.r8,
            9 => &self.r9,
            10 => &self.r10,
            11 => &self.r11,
            12 => &self.r12,
            13 => &self.r13,
            14 => &self.r14,
            _ => &self.r15,
        }
    }

    /// A copy in the form of the interface; the selectors of the data segments are not in it.
    pub fn to_user_regs(&self) -> CpuUserRegs {
        CpuUserRegs {
            r15: self.r15.get(),
            r14: self.r14.get(),
            r13: self.r13.get(),
            r12: self.r12.get(),
            rbp: self.rbp.get(),
            rbx: self.rbx.get(),
            r11: self.r11.get(),
            r10: self.r10.get(),
            r9: self.r9.get(),
            r8: self.r8.get(),
            rax: self.rax.get(),
            rcx: self.rcx.get(),
            rdx: self.rdx.get(),
            rsi: self.rsi.get(),
            rdi: self.rdi.get(),
            error_code: self.error_code.get(),
            entry_vector: self.entry_vector.get(),
            rip: self.rip.get(),
            cs: self.cs.get(),
            rflags: self.rflags.get(),
            rsp: self.rsp.get(),
            ss: self.ss.get(),
            ..CpuUserRegs::default()
        }
    }

    /// Sets every register from the form of the interface, for a vCPU that does not run. cs and
    /// ss get RPL 3, rflags what ring 3 may have.
    pub fn set_user_regs(&self, from: &CpuUserRegs) {
        self.r15.set(from.r15);
        self.r14.set(from.r14);
        self.r13.set(from.r13);
        self.r12.set(from.r12);
        self.rbp.set(from.rbp);
        self.rbx.set(from.rbx);
        self.r11.set(from.r11);
        self.r10.set(from.r10);
        self.r9.set(from.r9);
        self.r8.set(from.r8);
        self.rax.set(from.rax);
        self.rcx.set(from.rcx);
        self.rdx.set(from.rdx);
        self.rsi.set(from.rsi);
        self.rdi.set(from.rdi);
        self.error_code.set(0);
        self.entry_vector.set(0);
        self.rip.set(from.rip);
        self.cs.set(from.cs | 3);
        self.rflags.set(hv_core::bounce::guest_rflags(from.rflags));
        self.rsp.set(from.rsp);
        self.ss.set(from.ss | 3);
    }
}
