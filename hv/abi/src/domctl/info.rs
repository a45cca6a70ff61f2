// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of a domain and of its vCPUs.

use super::ArchDomainConfig;
use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`DomainInfo::flags`]: being destroyed.
pub const DOMINF_DYING: u32 = 1 << 0;
/// [`DomainInfo::flags`]: HVM or PVH.
pub const DOMINF_HVM_GUEST: u32 = 1 << 1;
/// [`DomainInfo::flags`]: shut down.
pub const DOMINF_SHUTDOWN: u32 = 1 << 2;
/// [`DomainInfo::flags`]: paused by the toolstack.
pub const DOMINF_PAUSED: u32 = 1 << 3;
/// [`DomainInfo::flags`]: all vcpus sleep.
pub const DOMINF_BLOCKED: u32 = 1 << 4;
/// [`DomainInfo::flags`]: a vcpu is on a processor.
pub const DOMINF_RUNNING: u32 = 1 << 5;
/// [`DomainInfo::flags`]: a debugger is attached.
pub const DOMINF_DEBUGGED: u32 = 1 << 6;
/// [`DomainInfo::flags`]: the xenstore server.
pub const DOMINF_XS_DOMAIN: u32 = 1 << 7;
/// [`DomainInfo::flags`]: nested page tables.
pub const DOMINF_HAP: u32 = 1 << 8;
/// [`DomainInfo::flags`]: shift of the shutdown reason, eight bits.
pub const DOMINF_SHUTDOWN_SHIFT: u32 = 16;
/// [`DomainInfo::flags`]: mask of the shutdown reason after the shift.
pub const DOMINF_SHUTDOWN_MASK: u32 = 0xff;

/// What a domain is like now.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DomainInfo {
    /// Its id.
    pub domain: DomId,
    /// Padding.
    pub _pad0: u16,
    /// `DOMINF_*` bits, and why it was shut down.
    pub flags: u32,
    /// Pages it has.
    pub tot_pages: u64,
    /// Pages it may have.
    pub max_pages: u64,
    /// Pages set aside for it.
    pub outstanding_pages: u64,
    /// Pages shared copy-on-write.
    pub shr_pages: u64,
    /// Pages paged out.
    pub paged_pages: u64,
    /// Gfn of the shared info page.
    pub shared_info_frame: u64,
    /// Time on processors, ns.
    pub cpu_time: u64,
    /// Vcpus up.
    pub nr_online_vcpus: u32,
    /// Highest vcpu number.
    pub max_vcpu_id: u32,
    /// Security label.
    pub ssidref: u32,
    /// Its UUID.
    pub handle: [u8; 16],
    /// Pool of processors.
    pub cpupool: u32,
    /// Width of guest physical addresses, bits.
    pub gpaddr_bits: u8,
    /// Padding.
    pub _pad1: [u8; 7],
    /// The x86 part of its configuration.
    pub arch_config: ArchDomainConfig,
}

/// What a vcpu does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VcpuStateInfo {
    /// In: the vcpu.
    pub vcpu: u32,
    /// 1 if up.
    pub online: u8,
    /// 1 if asleep.
    pub blocked: u8,
    /// 1 if on a processor.
    pub running: u8,
    /// Padding.
    pub _pad0: u8,
    /// Time on processors, ns.
    pub cpu_time: u64,
    /// The processor.
    pub cpu: u32,
    /// Padding.
    pub _pad1: u32,
}

assert_layout!(DomainInfo, size = 112, flags @ 4, tot_pages @ 8, shared_info_frame @ 48,
    cpu_time @ 56, ssidref @ 72, handle @ 76, cpupool @ 92, gpaddr_bits @ 96, arch_config @ 104);
assert_layout!(VcpuStateInfo, size = 24, cpu_time @ 8, cpu @ 16);
