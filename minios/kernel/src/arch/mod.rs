// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is particular to an x86-64 PV guest: entry, hypercalls, traps, single instructions.
use core::arch::global_asm;

use xen_abi::shared_info::{SharedInfo, VcpuInfo};

pub(crate) mod copy;
pub(crate) mod hypercall;
pub(crate) mod image;
pub(crate) mod instruction;
pub(crate) mod trap_frame;

global_asm!(include_str!("entry.S"));
global_asm!(include_str!("notes.S"));
global_asm!(include_str!("trap.S"));

unsafe extern "C" {
    /// A page of ours (arch/entry.S) in whose place the shared info page gets mapped.
    #[link_name = "minios_shared_info"]
    static SHARED_INFO: SharedInfo;
}

/// The page shared with the hypervisor; all zero until boot has mapped it.
pub(crate) fn shared_info() -> &'static SharedInfo {
    // SAFETY: the page is always mapped, aligned and holds nothing but atomics.
    unsafe { &SHARED_INFO }
}

/// The part of it that is about our only vCPU.
pub(crate) fn vcpu_info() -> &'static VcpuInfo {
    &shared_info().vcpu_info[0]
}

/// An address or a count as Rust's own type for them.
#[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits here")]
pub(crate) const fn size(number: u64) -> usize {
    number as usize
}
