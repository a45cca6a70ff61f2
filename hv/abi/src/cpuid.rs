// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's processor identification leaves (`public/arch-x86/cpuid.h`).

/// The first leaf: last leaf in eax, signature in ebx, ecx, edx.
pub const LEAF_SIGNATURE: u32 = 0x4000_0000;
/// Version in eax, `major << 16 | minor`.
pub const LEAF_VERSION: u32 = LEAF_SIGNATURE + 1;
/// Hypercall pages in eax, their MSR in ebx, features in ecx.
pub const LEAF_HYPERCALL: u32 = LEAF_SIGNATURE + 2;
/// Clock.
pub const LEAF_TIME: u32 = LEAF_SIGNATURE + 3;
/// HVM and PVH features.
pub const LEAF_HVM: u32 = LEAF_SIGNATURE + 4;
/// PV features: width of machine addresses in ebx.
pub const LEAF_PV: u32 = LEAF_SIGNATURE + 5;
/// The last leaf.
pub const LEAF_LAST: u32 = LEAF_PV;

/// The signature, `XenVMMXenVMM`, in ebx, ecx, edx.
pub const SIGNATURE: [u32; 3] = [0x566e_6558, 0x6558_4d4d, 0x4d4d_566e];

/// The MSR by which a guest asks for a hypercall page.
pub const MSR_HYPERCALL_PAGE: u32 = 0x4000_0000;
/// [`LEAF_HYPERCALL`], ecx: `mmu_update` can keep accessed and dirty bits.
pub const FEATURE_MMU_PT_UPDATE_PRESERVE_AD: u32 = 1;
/// [`LEAF_PV`], ebx: mask of the machine address width, bits.
pub const MACHINE_ADDRESS_WIDTH_MASK: u32 = 0xff;

/// Bytes a PV guest puts before `cpuid` to have it emulated: `ud2`, then `xen`.
pub const EMULATE_PREFIX: [u8; 5] = [0x0f, 0x0b, b'x', b'e', b'n'];
