// SPDX-License-Identifier: MIT OR Apache-2.0
//! Managing other domains (`public/domctl.h` of 4.17). Not stable: the version must match.

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

mod create;
mod info;
mod permission;

pub use create::{
    ArchDomainConfig, CDF_HAP, CDF_HVM, CDF_IOMMU, CDF_NESTED_VIRT, CDF_OOS_OFF, CDF_S3_INTEGRITY,
    CDF_VPMU, CDF_XS_DOMAIN, CreateDomain, EMU_LAPIC,
};
pub use info::{
    DOMINF_BLOCKED, DOMINF_DEBUGGED, DOMINF_DYING, DOMINF_HAP, DOMINF_HVM_GUEST, DOMINF_PAUSED,
    DOMINF_RUNNING, DOMINF_SHUTDOWN, DOMINF_SHUTDOWN_MASK, DOMINF_SHUTDOWN_SHIFT, DOMINF_XS_DOMAIN,
    DomainInfo, VcpuStateInfo,
};
pub use permission::{IomemPermission, IoportPermission, IrqPermission};

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

payload!(Domctl);
assert_layout!(DomctlHeader, size = PAYLOAD_OFFSET, interface_version @ 4, domain @ 8);
assert_layout!(Domctl, size = SIZE, payload @ PAYLOAD_OFFSET);
assert_layout!(MaxMem, size = 8);
assert_layout!(VcpuContext, size = 16, ctxt @ 8);
assert_layout!(HvmContext, size = 16, buffer @ 8);
assert_layout!(MaxVcpus, size = 4);
assert_layout!(SchedulerOp, size = 24, weight @ 8, cap @ 10);
assert_layout!(DomainHandle, size = 16);
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
