// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page a guest shares with the hypervisor (`public/xen.h`, `public/arch-x86/xen.h`).
//!
//! Both sides write it while the other reads, so every field is an atomic.

use crate::time::VcpuTimeInfo;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
use zerocopy::{FromBytes, IntoBytes, KnownLayout};

/// Vcpus with a [`VcpuInfo`] inside the shared page; others register their own.
pub const LEGACY_MAX_VCPUS: usize = 32;
/// Words of a two-level event bitmap, 64 ports each.
pub const EVTCHN_WORDS: usize = 64;

/// The x86 part of [`VcpuInfo`].
#[derive(Debug, Default, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ArchVcpuInfo {
    /// Address of the last page fault.
    pub cr2: AtomicU64,
    /// Padding.
    pub _pad: AtomicU64,
}

/// What one vcpu shares with the hypervisor.
#[derive(Debug, Default, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct VcpuInfo {
    /// Non-zero: some event waits for this vcpu. Only the guest clears it.
    pub evtchn_upcall_pending: AtomicU8,
    /// Non-zero: the guest takes no upcall now.
    pub evtchn_upcall_mask: AtomicU8,
    /// Padding.
    pub _pad: [AtomicU8; 6],
    /// Bit n: word n of the pending bitmap has something for this vcpu.
    pub evtchn_pending_sel: AtomicU64,
    /// The x86 part.
    pub arch: ArchVcpuInfo,
    /// The clock of this vcpu.
    pub time: VcpuTimeInfo,
}

/// The x86 part of [`SharedInfo`], by which tools find the guest's p2m.
#[derive(Debug, Default, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct ArchSharedInfo {
    /// The last pfn in the p2m plus one.
    pub max_pfn: AtomicU64,
    /// Mfn of the root of the three-level p2m list.
    pub pfn_to_mfn_frame_list_list: AtomicU64,
    /// Bits saying why an NMI came.
    pub nmi_reason: AtomicU64,
    /// Linear p2m: the cr3 under which it is mapped, 0 if unused.
    pub p2m_cr3: AtomicU64,
    /// Linear p2m: its virtual address.
    pub p2m_vaddr: AtomicU64,
    /// Linear p2m: odd while the guest changes the mapping.
    pub p2m_generation: AtomicU64,
}

/// The shared info page.
#[derive(Debug, FromBytes, IntoBytes, KnownLayout)]
#[repr(C)]
pub struct SharedInfo {
    /// The first vcpus.
    pub vcpu_info: [VcpuInfo; LEGACY_MAX_VCPUS],
    /// Bit per port: an event is pending.
    pub evtchn_pending: [AtomicU64; EVTCHN_WORDS],
    /// Bit per port: the guest does not want to hear of it.
    pub evtchn_mask: [AtomicU64; EVTCHN_WORDS],
    /// Odd while the wall clock is written.
    pub wc_version: AtomicU32,
    /// Wall clock at system time 0: seconds since 1970, low half.
    pub wc_sec: AtomicU32,
    /// Wall clock at system time 0: nanoseconds.
    pub wc_nsec: AtomicU32,
    /// Wall clock at system time 0: seconds, high half.
    pub wc_sec_hi: AtomicU32,
    /// The x86 part.
    pub arch: ArchSharedInfo,
}

assert_layout!(ArchVcpuInfo, size = 16);
assert_layout!(VcpuInfo, size = 64, evtchn_upcall_mask @ 1, evtchn_pending_sel @ 8, arch @ 16,
    time @ 32);
assert_layout!(ArchSharedInfo, size = 48, pfn_to_mfn_frame_list_list @ 8, nmi_reason @ 16,
    p2m_cr3 @ 24, p2m_vaddr @ 32, p2m_generation @ 40);
assert_layout!(SharedInfo, size = 3136, evtchn_pending @ 2048, evtchn_mask @ 2560,
    wc_version @ 3072, wc_sec @ 3076, wc_nsec @ 3080, wc_sec_hi @ 3084, arch @ 3088);
default_zeroed!(SharedInfo);
