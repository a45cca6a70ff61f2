// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is particular to an x86-64 guest: entry, hypercalls, traps, single instructions; and the
//! two kinds of guest ([`platform`]).
use core::arch::global_asm;

use xen_abi::shared_info::{SharedInfo, VcpuInfo};

pub(crate) mod copy;
pub(crate) mod hypercall;
pub(crate) mod image;
pub(crate) mod instruction;
pub(crate) mod platform;
mod pv;
mod pvh;
pub(crate) mod trap_frame;

pub(crate) use platform::{platform, set_platform};

global_asm!(include_str!("image.S"));
global_asm!(include_str!("notes.S"));
global_asm!(include_str!("pv/entry.S"));
global_asm!(include_str!("pvh/entry.S"));
// One piece, because the first defines the macros of the others.
global_asm!(include_str!("trap.S"), include_str!("pv/trap.S"), include_str!("pvh/trap.S"));

unsafe extern "C" {
    /// A page of ours (arch/image.S) in whose place the shared info page gets mapped.
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
