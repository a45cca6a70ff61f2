// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses that no hypercall may accept.

/// Page zero, which minios never maps.
pub const UNMAPPED: u64 = 8;
/// Neither in the lower nor in the upper half.
pub const NON_CANONICAL: u64 = 0x8000_0000_0000_0000;
/// In the part of the address space that is Xen's own.
pub const HYPERVISOR: u64 = 0xffff_82d0_4000_0000;
/// The last bytes below the hole: a structure here runs into it.
pub const ACROSS_THE_HOLE: u64 = 0x0000_7fff_ffff_fffc;

/// The classes of bad pointers, with their names.
pub const BAD: [(&str, u64); 4] = [
    ("unmapped", UNMAPPED),
    ("non-canonical", NON_CANONICAL),
    ("hypervisor", HYPERVISOR),
    ("across the hole", ACROSS_THE_HOLE),
];
