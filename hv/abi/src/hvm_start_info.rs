// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a PVH kernel finds at its start (`public/arch-x86/hvm/start_info.h`): ebx has the physical
//! address of a [`HvmStartInfo`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`HvmStartInfo::magic`].
pub const HVM_START_MAGIC: u32 = 0x336e_c578;
/// [`HvmStartInfo::version`]: the memory map is there.
pub const HVM_START_VERSION: u32 = 1;

/// The start of it all. Addresses are physical ones, 0 is none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmStartInfo {
    /// [`HVM_START_MAGIC`].
    pub magic: u32,
    /// [`HVM_START_VERSION`].
    pub version: u32,
    /// `SIF_*` bits, as in [`crate::start_info`].
    pub flags: u32,
    /// Modules.
    pub nr_modules: u32,
    /// Their list of [`HvmModule`].
    pub modlist_paddr: u64,
    /// The command line, ended by NUL.
    pub cmdline_paddr: u64,
    /// The ACPI root pointer.
    pub rsdp_paddr: u64,
    /// The memory map, a list of [`HvmMemmapEntry`].
    pub memmap_paddr: u64,
    /// Its entries.
    pub memmap_entries: u32,
    /// 0.
    pub reserved: u32,
}

/// A module, for example the ramdisk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmModule {
    /// Where it is.
    pub paddr: u64,
    /// Bytes.
    pub size: u64,
    /// Its own command line.
    pub cmdline_paddr: u64,
    /// 0.
    pub reserved: u64,
}

/// A range of the memory map.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct HvmMemmapEntry {
    /// First byte.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// `E820_*` of [`crate::memory`].
    pub kind: u32,
    /// 0.
    pub reserved: u32,
}

assert_layout!(HvmStartInfo, size = 56, modlist_paddr @ 16, cmdline_paddr @ 24, rsdp_paddr @ 32,
    memmap_paddr @ 40, memmap_entries @ 48);
assert_layout!(HvmModule, size = 32, size @ 8, cmdline_paddr @ 16);
assert_layout!(HvmMemmapEntry, size = 24, size @ 8, kind @ 16);
