// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state in which a PVH kernel starts: 32-bit protected mode without paging.
use xen_abi::hvm_save::{HvmCpu, HvmMtrr};

/// CR0: protected mode, and the bit that is always set.
const CR0: u64 = 0x11;
/// Flat code: present, ring 0, execute and read, 32 bits, in units of pages.
const CODE: u32 = 0xc9b;
/// Flat data: present, ring 0, read and write.
const DATA: u32 = 0xc93;
/// A busy 32-bit TSS.
const TSS: u32 = 0x8b;
const TSS_LIMIT: u32 = 0x67;
/// An empty LDT.
const LDT: u32 = 0x82;

/// The registers at `entry`; ebx has the physical address of the start info.
#[must_use]
pub fn start_state(entry: u32, start_info: u64) -> HvmCpu {
    const RBX: usize = 1;
    let mut cpu = HvmCpu {
        rip: u64::from(entry),
        rflags: 2,
        cr0: CR0,
        limits: [u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, TSS_LIMIT, 0],
        attributes: [CODE, DATA, DATA, DATA, DATA, DATA, TSS, LDT],
        debug: [0, 0, 0, 0, 0xffff_0ff0, 0x400],
        ..HvmCpu::default()
    };
    if let Some(rbx) = cpu.registers.get_mut(RBX) {
        *rbx = start_info;
    }
    cpu
}

/// Page attributes as after a reset, and memory type range registers that are on: memory is
/// write-back.
#[must_use]
pub fn start_memory_types() -> HvmMtrr {
    const PAT_AT_RESET: u64 = 0x0007_0406_0007_0406;
    const ON: u64 = 1 << 11;
    const WRITE_BACK: u64 = 6;
    HvmMtrr { msr_pat_cr: PAT_AT_RESET, msr_mtrr_def_type: ON | WRITE_BACK, ..HvmMtrr::default() }
}
