// SPDX-License-Identifier: MIT OR Apache-2.0
//! Managing other domains (`public/domctl.h` of 4.17). Not stable: the version must match.

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`DomctlHeader::interface_version`]; another is refused with `EACCES`.
pub const INTERFACE_VERSION: u32 = 0x15;
/// Bytes of a call: header and the largest payload.
pub const SIZE: usize = 144;
/// Offset of the payload.
pub const PAYLOAD_OFFSET: usize = 16;

number_enum! {
    /// [`DomctlHeader::cmd`]: those known here.
    pub enum DomctlCmd: u32 {
        /// [`CreateDomain`]; the domain field is the id wanted, or 0 or reserved for any.
        CreateDomain = 1,
        /// Takes a domain's resources.
        DestroyDomain = 2,
        /// Stops a domain.
        PauseDomain = 3,
        /// Lets a domain run.
        UnpauseDomain = 4,
        /// [`DomainInfo`]: of the first domain with this id or a higher one.
        GetDomainInfo = 5,
        /// Which processors a vcpu may use.
        SetVcpuAffinity = 9,
        /// Tracking of written pages.
        ShadowOp = 10,
        /// [`MaxMem`].
        MaxMem = 11,
        /// [`VcpuContext`]: sets it.
        SetVcpuContext = 12,
        /// [`VcpuContext`]: reads it.
        GetVcpuContext = 13,
        /// [`VcpuStateInfo`].
        GetVcpuInfo = 14,
        /// [`MaxVcpus`].
        MaxVcpus = 15,
        /// [`SchedulerOp`].
        SchedulerOp = 16,
        /// [`DomainHandle`].
        SetDomainHandle = 17,
        /// [`IrqPermission`].
        IrqPermission = 19,
        /// [`IomemPermission`].
        IomemPermission = 20,
        /// [`IoportPermission`].
        IoportPermission = 21,
        /// [`HypercallInit`].
        HypercallInit = 22,
        /// Clock offset.
        SetTimeOffset = 24,
        /// Lets a domain go on whose suspend was cancelled.
        ResumeDomain = 27,
        /// [`HvmContext`]: reads it.
        GetHvmContext = 33,
        /// [`HvmContext`]: sets it.
        SetHvmContext = 34,
        /// [`AddressSize`]: sets it.
        SetAddressSize = 35,
        /// [`AddressSize`]: reads it.
        GetAddressSize = 36,
        /// [`GetPageFrameInfo3`].
        GetPageFrameInfo3 = 61,
        /// The processor features a domain sees.
        GetCpuPolicy = 82,
        /// Sets the processor features a domain sees.
        SetCpuPolicy = 83,
    }
}

/// The start of every call.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DomctlHeader {
    /// A [`DomctlCmd`].
    pub cmd: u32,
    /// [`INTERFACE_VERSION`].
    pub interface_version: u32,
    /// The domain concerned.
    pub domain: DomId,
    /// Padding.
    pub _pad: [u16; 3],
}

/// A whole call.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Domctl {
    /// What, and with whom.
    pub header: DomctlHeader,
    /// The command's struct, and what is left over.
    pub payload: [u64; 16],
}

impl Domctl {
    /// A call without payload.
    #[must_use]
    pub const fn new(cmd: DomctlCmd, domain: DomId) -> Self {
        let header = DomctlHeader {
            cmd: cmd.raw(),
            interface_version: INTERFACE_VERSION,
            domain,
            _pad: [0; 3],
        };
        Self { header, payload: [0; 16] }
    }

    /// The payload as the command's struct; `None` if that is too large.
    #[must_use]
    pub fn payload<T: FromBytes>(&self) -> Option<T> {
        T::read_from_prefix(self.payload.as_bytes()).ok().map(|(value, _)| value)
    }

    /// Writes the command's struct; `None` if it is too large.
    pub fn set_payload<T: IntoBytes + Immutable>(&mut self, value: &T) -> Option<()> {
        value.write_to_prefix(self.payload.as_mut_bytes()).ok()
    }
}

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

/// Limits a domain's memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MaxMem {
    /// KiB.
    pub max_memkb: u64,
}

/// Moves a vcpu's state.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VcpuContext {
    /// The vcpu.
    pub vcpu: u32,
    /// Padding.
    pub _pad: u32,
    /// Guest virtual address of a [`crate::vcpu::VcpuGuestContext`].
    pub ctxt: u64,
}

/// Moves the state of an HVM or PVH domain.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmContext {
    /// Bytes of the buffer; out: of the records.
    pub size: u32,
    /// Padding.
    pub _pad: u32,
    /// Guest virtual address of the records ([`crate::hvm_save`]).
    pub buffer: u64,
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

/// Sets how many vcpus a domain can have.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MaxVcpus {
    /// Vcpus.
    pub max: u32,
}

/// [`SchedulerOp::sched_id`]: credit scheduler.
pub const SCHEDULER_CREDIT: u32 = 5;
/// [`SchedulerOp::sched_id`]: second credit scheduler.
pub const SCHEDULER_CREDIT2: u32 = 6;
/// [`SchedulerOp::cmd`]: sets a domain's share.
pub const SCHEDOP_PUTINFO: u32 = 0;
/// [`SchedulerOp::cmd`]: reads a domain's share.
pub const SCHEDOP_GETINFO: u32 = 1;

/// A domain's share of the processors.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SchedulerOp {
    /// `SCHEDULER_*`.
    pub sched_id: u32,
    /// `SCHEDOP_*`.
    pub cmd: u32,
    /// Share, relative to other domains; 256 is usual.
    pub weight: u16,
    /// Most it gets, percent of a processor; 0 for no limit.
    pub cap: u16,
    /// The rest of the union.
    pub _pad: [u32; 3],
}

/// Sets a domain's UUID.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DomainHandle {
    /// The UUID.
    pub handle: [u8; 16],
}

/// Gives or takes an interrupt.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IrqPermission {
    /// Physical interrupt.
    pub pirq: u32,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 3],
}

/// Gives or takes device memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IomemPermission {
    /// First frame.
    pub first_mfn: u64,
    /// Frames.
    pub nr_mfns: u64,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 7],
}

/// Gives or takes I/O ports.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoportPermission {
    /// First port.
    pub first_port: u32,
    /// Ports.
    pub nr_ports: u32,
    /// 1 gives, 0 takes.
    pub allow_access: u8,
    /// Padding.
    pub _pad: [u8; 3],
}

/// Fills a page with hypercall stubs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HypercallInit {
    /// The domain's frame.
    pub gmfn: u64,
}

/// Width of a domain's addresses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AddressSize {
    /// Bits: 64.
    pub size: u32,
}

/// [`GetPageFrameInfo3`]: the frame is no page table.
pub const PFINFO_NOTAB: u32 = 0;
/// [`GetPageFrameInfo3`]: shift of the page table level.
pub const PFINFO_LTAB_SHIFT: u32 = 28;
/// [`GetPageFrameInfo3`]: the page table is pinned.
pub const PFINFO_LPINTAB: u32 = 1 << 31;
/// [`GetPageFrameInfo3`]: there is no such frame.
pub const PFINFO_XTAB: u32 = 0xf << 28;
/// [`GetPageFrameInfo3`]: allocated only on restore.
pub const PFINFO_XALLOC: u32 = 0xe << 28;
/// [`GetPageFrameInfo3`]: the frame is broken.
pub const PFINFO_BROKEN: u32 = 0xd << 28;

/// Asks for the types of frames.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetPageFrameInfo3 {
    /// Length of the array.
    pub num: u64,
    /// Guest virtual address of an array of `u64`: in frames, out `PFINFO_*`.
    pub array: u64,
}

assert_layout!(DomctlHeader, size = PAYLOAD_OFFSET, interface_version @ 4, domain @ 8);
assert_layout!(Domctl, size = SIZE, payload @ PAYLOAD_OFFSET);
assert_layout!(ArchDomainConfig, size = 8);
assert_layout!(CreateDomain, size = 64, handle @ 4, flags @ 20, max_vcpus @ 28,
    max_grant_frames @ 36, grant_opts @ 44, cpupool_id @ 52, arch @ 56);
assert_layout!(DomainInfo, size = 112, flags @ 4, tot_pages @ 8, shared_info_frame @ 48,
    cpu_time @ 56, ssidref @ 72, handle @ 76, cpupool @ 92, gpaddr_bits @ 96, arch_config @ 104);
assert_layout!(MaxMem, size = 8);
assert_layout!(VcpuContext, size = 16, ctxt @ 8);
assert_layout!(HvmContext, size = 16, buffer @ 8);
assert_layout!(VcpuStateInfo, size = 24, cpu_time @ 8, cpu @ 16);
assert_layout!(MaxVcpus, size = 4);
assert_layout!(SchedulerOp, size = 24, weight @ 8, cap @ 10);
assert_layout!(DomainHandle, size = 16);
assert_layout!(IrqPermission, size = 8, allow_access @ 4);
assert_layout!(IomemPermission, size = 24, nr_mfns @ 8, allow_access @ 16);
assert_layout!(IoportPermission, size = 12, nr_ports @ 4, allow_access @ 8);
assert_layout!(HypercallInit, size = 8);
assert_layout!(AddressSize, size = 4);
assert_layout!(GetPageFrameInfo3, size = 16, array @ 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_round_trip() {
        let mut call = Domctl::new(DomctlCmd::CreateDomain, DomId::new(3));
        let config = CreateDomain { max_vcpus: 2, ..Default::default() };
        assert_eq!(call.set_payload(&config), Some(()));
        assert_eq!(call.payload(), Some(config));
        assert_eq!(call.as_bytes()[PAYLOAD_OFFSET + 28], 2);
        assert_eq!(call.set_payload(&[0_u8; 129]), None);
    }
}
