// SPDX-License-Identifier: MIT OR Apache-2.0
//! New domains.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`CreateDomain::flags`]: HVM or PVH.
pub const CDF_HVM: u32 = 1 << 0;
/// [`CreateDomain::flags`]: nested page tables.
pub const CDF_HAP: u32 = 1 << 1;
/// [`CreateDomain::flags`]: integrity over sleep.
pub const CDF_S3_INTEGRITY: u32 = 1 << 2;
/// [`CreateDomain::flags`]: shadow pages in step.
pub const CDF_OOS_OFF: u32 = 1 << 3;
/// [`CreateDomain::flags`]: the domain is the xenstore server.
pub const CDF_XS_DOMAIN: u32 = 1 << 4;
/// [`CreateDomain::flags`]: devices may be given to it.
pub const CDF_IOMMU: u32 = 1 << 5;
/// [`CreateDomain::flags`]: nested virtualisation.
pub const CDF_NESTED_VIRT: u32 = 1 << 6;
/// [`CreateDomain::flags`]: virtual performance counters.
pub const CDF_VPMU: u32 = 1 << 7;

/// [`ArchDomainConfig::emulation_flags`]: a local APIC for each vcpu, all that a PVH domain has.
pub const EMU_LAPIC: u32 = 1 << 0;

/// The x86 part of a domain's configuration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ArchDomainConfig {
    /// Devices the hypervisor emulates; 0 for PV.
    pub emulation_flags: u32,
    /// Bit 0: unknown MSRs read as 0.
    pub misc_flags: u32,
}

/// What a new domain is like.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct CreateDomain {
    /// Security label.
    pub ssidref: u32,
    /// Its UUID.
    pub handle: [u8; 16],
    /// `CDF_*` bits.
    pub flags: u32,
    /// IOMMU options.
    pub iommu_opts: u32,
    /// Vcpus.
    pub max_vcpus: u32,
    /// Highest event channel port.
    pub max_evtchn_port: u32,
    /// Limit of grant table frames, negative for the default.
    pub max_grant_frames: i32,
    /// Limit of mapping table frames, negative for the default.
    pub max_maptrack_frames: i32,
    /// Low four bits: highest grant table version.
    pub grant_opts: u32,
    /// Bytes of processor trace for each vcpu.
    pub vmtrace_size: u32,
    /// Pool of processors.
    pub cpupool_id: u32,
    /// The x86 part.
    pub arch: ArchDomainConfig,
}

assert_layout!(ArchDomainConfig, size = 8);
assert_layout!(CreateDomain, size = 64, handle @ 4, flags @ 20, max_vcpus @ 28,
    max_grant_frames @ 36, grant_opts @ 44, cpupool_id @ 52, arch @ 56);
