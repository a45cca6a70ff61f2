// SPDX-License-Identifier: MIT OR Apache-2.0
//! Managing the host (`public/sysctl.h` of 4.17). Not stable: the version must match.

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`SysctlHeader::interface_version`]; another is refused with `EACCES`.
pub const INTERFACE_VERSION: u32 = 0x15;
/// Bytes of a call: header and the largest payload.
pub const SIZE: usize = 136;
/// Offset of the payload.
pub const PAYLOAD_OFFSET: usize = 8;

number_enum! {
    /// [`SysctlHeader::cmd`]: those known here.
    pub enum SysctlCmd: u32 {
        /// [`ReadConsole`].
        ReadConsole = 1,
        /// [`PhysInfo`].
        PhysInfo = 3,
        /// [`SchedId`].
        SchedId = 4,
        /// [`GetDomainInfoList`].
        GetDomainInfoList = 6,
        /// Keys for the hypervisor's debug handlers.
        DebugKeys = 7,
        /// Idle time of each processor.
        GetCpuInfo = 8,
        /// [`AvailHeap`].
        AvailHeap = 9,
        /// How processors are grouped.
        CpuTopoInfo = 16,
        /// How memory is grouped.
        NumaInfo = 17,
        /// Pools of processors.
        CpupoolOp = 18,
        /// Scheduler parameters.
        SchedulerOp = 19,
        /// Processor features.
        GetCpuFeatureset = 26,
        /// Processor features.
        GetCpuPolicy = 29,
    }
}

/// The start of every call.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SysctlHeader {
    /// A [`SysctlCmd`].
    pub cmd: u32,
    /// [`INTERFACE_VERSION`].
    pub interface_version: u32,
}

/// A whole call.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Sysctl {
    /// What.
    pub header: SysctlHeader,
    /// The command's struct, and what is left over.
    pub payload: [u64; 16],
}

impl Sysctl {
    /// A call without payload.
    #[must_use]
    pub const fn new(cmd: SysctlCmd) -> Self {
        let header = SysctlHeader { cmd: cmd.raw(), interface_version: INTERFACE_VERSION };
        Self { header, payload: [0; 16] }
    }
}

/// Reads the hypervisor's log.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReadConsole {
    /// In: 1 empties the log.
    pub clear: u8,
    /// In: 1 begins at [`Self::index`].
    pub incremental: u8,
    /// Padding.
    pub _pad0: [u8; 2],
    /// In: where to begin; out: where to go on.
    pub index: u32,
    /// Guest virtual address for the text.
    pub buffer: u64,
    /// In: its bytes; out: bytes written.
    pub count: u32,
    /// Padding.
    pub _pad1: u32,
}

/// [`PhysInfo::capabilities`]: HVM guests.
pub const PHYSCAP_HVM: u32 = 1 << 0;
/// [`PhysInfo::capabilities`]: PV guests.
pub const PHYSCAP_PV: u32 = 1 << 1;
/// [`PhysInfo::capabilities`]: devices for guests.
pub const PHYSCAP_DIRECTIO: u32 = 1 << 2;
/// [`PhysInfo::capabilities`]: nested page tables.
pub const PHYSCAP_HAP: u32 = 1 << 3;
/// [`PhysInfo::capabilities`]: shadow page tables.
pub const PHYSCAP_SHADOW: u32 = 1 << 4;
/// [`PhysInfo::capabilities`]: grant tables version 1.
pub const PHYSCAP_GNTTAB_V1: u32 = 1 << 8;
/// [`PhysInfo::capabilities`]: grant tables version 2.
pub const PHYSCAP_GNTTAB_V2: u32 = 1 << 9;

/// What the host is like.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PhysInfo {
    /// Threads of a core.
    pub threads_per_core: u32,
    /// Cores of a socket.
    pub cores_per_socket: u32,
    /// Processors online.
    pub nr_cpus: u32,
    /// Highest processor number.
    pub max_cpu_id: u32,
    /// Memory nodes online.
    pub nr_nodes: u32,
    /// Highest node number.
    pub max_node_id: u32,
    /// Frequency, kHz.
    pub cpu_khz: u32,
    /// `PHYSCAP_*` bits.
    pub capabilities: u32,
    /// Capabilities of the architecture.
    pub arch_capabilities: u32,
    /// Padding.
    pub _pad: u32,
    /// Pages of memory.
    pub total_pages: u64,
    /// Pages free.
    pub free_pages: u64,
    /// Pages free but not cleared yet.
    pub scrub_pages: u64,
    /// Pages set aside.
    pub outstanding_pages: u64,
    /// Highest frame number.
    pub max_mfn: u64,
    /// Processor feature words.
    pub hw_cap: [u32; 8],
}

/// Out: the scheduler in use.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SchedId {
    /// One of `domctl::SCHEDULER_*`.
    pub sched_id: u32,
}

/// Asks for several domains at once.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetDomainInfoList {
    /// In: the lowest id wanted.
    pub first_domain: DomId,
    /// Padding.
    pub _pad0: u16,
    /// In: length of the array.
    pub max_domains: u32,
    /// Guest virtual address of an array of [`crate::domctl::DomainInfo`].
    pub buffer: u64,
    /// Out: filled.
    pub num_domains: u32,
    /// Padding.
    pub _pad1: u32,
}

/// Asks for free memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AvailHeap {
    /// In: at least this address width, bits; 0 for any.
    pub min_bitwidth: u32,
    /// In: at most this address width, bits; 0 for any.
    pub max_bitwidth: u32,
    /// In: the node, -1 for all.
    pub node: i32,
    /// Padding.
    pub _pad: u32,
    /// Out: bytes.
    pub avail_bytes: u64,
}

payload!(Sysctl);
assert_layout!(SysctlHeader, size = PAYLOAD_OFFSET, interface_version @ 4);
assert_layout!(Sysctl, size = SIZE, payload @ PAYLOAD_OFFSET);
assert_layout!(ReadConsole, size = 24, incremental @ 1, index @ 4, buffer @ 8, count @ 16);
assert_layout!(PhysInfo, size = 112, cpu_khz @ 24, capabilities @ 28, total_pages @ 40,
    max_mfn @ 72, hw_cap @ 80);
assert_layout!(SchedId, size = 4);
assert_layout!(GetDomainInfoList, size = 24, max_domains @ 4, buffer @ 8, num_domains @ 16);
assert_layout!(AvailHeap, size = 24, node @ 8, avail_bytes @ 16);
