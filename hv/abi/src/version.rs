// SPDX-License-Identifier: MIT OR Apache-2.0
//! What hypervisor this is, and what it can do (`public/version.h`, `public/features.h`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `xen_version`.
    pub enum XenVersionOp: u32 {
        /// Returns `major << 16 | minor`.
        Version = 0,
        /// Text of [`EXTRAVERSION_LEN`].
        Extraversion = 1,
        /// [`CompileInfo`].
        CompileInfo = 2,
        /// Text of [`CAPABILITIES_LEN`].
        Capabilities = 3,
        /// Text of [`CHANGESET_LEN`].
        Changeset = 4,
        /// [`PlatformParameters`].
        PlatformParameters = 5,
        /// [`FeatureInfo`].
        GetFeatures = 6,
        /// Returns the page size.
        Pagesize = 7,
        /// The domain's handle, 16 bytes.
        GuestHandle = 8,
        /// Text of [`COMMANDLINE_LEN`].
        Commandline = 9,
        /// The build id.
        BuildId = 10,
    }
}

/// Bytes of the extra version.
pub const EXTRAVERSION_LEN: usize = 16;
/// Bytes of the capabilities.
pub const CAPABILITIES_LEN: usize = 1024;
/// Bytes of the changeset.
pub const CHANGESET_LEN: usize = 64;
/// Bytes of the command line.
pub const COMMANDLINE_LEN: usize = 1024;

/// Who compiled the hypervisor, when and with what; NUL padded texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CompileInfo {
    /// Compiler.
    pub compiler: [u8; 64],
    /// Person.
    pub compile_by: [u8; 16],
    /// Place.
    pub compile_domain: [u8; 32],
    /// Date.
    pub compile_date: [u8; 32],
}

/// Where the hypervisor begins.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PlatformParameters {
    /// Its first virtual address.
    pub virt_start: u64,
}

/// One word of feature bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FeatureInfo {
    /// In: which word; there is only 0.
    pub submap_idx: u32,
    /// Out: a [`Features`].
    pub submap: u32,
}

/// The first word of feature bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct Features(u32);

bitflags::bitflags! {
    impl Features: u32 {
        /// A guest may write its page tables.
        const WRITABLE_PAGE_TABLES = 1 << 0;
        /// A guest may write its descriptor tables.
        const WRITABLE_DESCRIPTOR_TABLES = 1 << 1;
        /// Guest frames are translated by the hypervisor.
        const AUTO_TRANSLATED_PHYSMAP = 1 << 2;
        /// The guest kernel runs in ring 0.
        const SUPERVISOR_MODE_KERNEL = 1 << 3;
        /// Page tables may lie above 4 GiB.
        const PAE_PGDIR_ABOVE_4GB = 1 << 4;
        /// `mmu_update` can keep accessed and dirty bits.
        const MMU_PT_UPDATE_PRESERVE_AD = 1 << 5;
        /// Clearing and copying of pages by `mmuext_op`.
        const HIGHMEM_ASSIST = 1 << 6;
        /// Grant mappings set available bits.
        const GNTTAB_MAP_AVAIL_BITS = 1 << 7;
        /// Events by interrupt vector.
        const HVM_CALLBACK_VECTOR = 1 << 8;
        /// The PV clock works in HVM.
        const HVM_SAFE_PVCLOCK = 1 << 9;
        /// Physical interrupts as events in HVM.
        const HVM_PIRQS = 1 << 10;
        /// The domain is the initial one.
        const DOM0 = 1 << 11;
        /// Grants are mapped at their machine address.
        const GRANT_MAP_IDENTITY = 1 << 12;
        /// `memory_op` knows virtual nodes.
        const MEMORY_OP_VNODE = 1 << 13;
        /// ARM call convention.
        const ARM_SMCCC_SUPPORTED = 1 << 14;
        /// The ACPI root pointer may lie anywhere.
        const LINUX_RSDP_UNRESTRICTED = 1 << 15;
        /// Pfns are not machine frames.
        const NOT_DIRECT_MAPPED = 1 << 16;
        /// Pfns are machine frames.
        const DIRECT_MAPPED = 1 << 17;
        /// Runstate area by physical address.
        const RUNSTATE_PHYS_AREA = 1 << 18;
        /// Clock area by physical address.
        const VCPU_TIME_PHYS_AREA = 1 << 19;
        /// Device models see all MSI-X writes.
        const DM_MSIX_ALL_WRITES = 1 << 20;
    }
}

assert_layout!(CompileInfo, size = 144, compile_by @ 64, compile_domain @ 80, compile_date @ 112);
assert_layout!(PlatformParameters, size = 8);
assert_layout!(FeatureInfo, size = 8, submap @ 4);
default_zeroed!(CompileInfo);
