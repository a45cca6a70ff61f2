// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the CPU can do, found once at boot, and CR4 set up accordingly.
use core::arch::x86_64::__cpuid_count;

use spin::Once;

use super::control::{self, CR4_MCE, CR4_OSXSAVE, CR4_PGE, CR4_SMAP, CR4_SMEP};

/// Features that change what the hypervisor does.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// xsave instead of fxsave; with the components to save (XCR0).
    pub xcr0: Option<u64>,
    /// The LAPIC has its registers in MSRs.
    pub x2apic: bool,
    /// Ring 0 is kept from executing user pages.
    pub smep: bool,
    /// Ring 0 is kept from reading user pages by accident.
    pub smap: bool,
    /// rdfsbase and its kind exist.
    pub fsgsbase: bool,
    /// The TSC runs at a constant rate.
    pub invariant_tsc: bool,
    /// Number of physical address bits.
    pub physical_bits: u8,
}

/// x87, SSE, AVX and the three parts of AVX-512: what fits the vCPU's area.
const XCR0_SUPPORTED: u64 = 0b1110_0111;

static FEATURES: Once<Features> = Once::new();

/// The features of this CPU.
pub fn features() -> &'static Features {
    FEATURES.get().expect("boot looks for features first")
}

/// Looks for the features; `smap` says whether to use that one, if the user has a wish.
pub fn find_features(smap: Option<bool>) {
    FEATURES.call_once(|| detect(smap));
}

fn detect(smap: Option<bool>) -> Features {
    let largest = __cpuid_count(0, 0).eax;
    let basic = __cpuid_count(1, 0);
    let extended = if largest >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
    let largest_extended = __cpuid_count(0x8000_0000, 0).eax;
    let leaf =
        |number| if largest_extended >= number { Some(__cpuid_count(number, 0)) } else { None };
    let xcr0 = (basic.ecx >> 26 & 1 != 0).then(|| {
        let available = __cpuid_count(0xd, 0);
        (u64::from(available.edx) << 32 | u64::from(available.eax)) & XCR0_SUPPORTED
    });
    Features {
        xcr0,
        x2apic: basic.ecx >> 21 & 1 != 0,
        smep: extended >> 7 & 1 != 0,
        smap: extended >> 20 & 1 != 0 && smap.unwrap_or(!is_tcg()),
        fsgsbase: extended & 1 != 0,
        invariant_tsc: leaf(0x8000_0007).is_some_and(|leaf| leaf.edx >> 8 & 1 != 0),
        physical_bits: leaf(0x8000_0008).map_or(36, |leaf| leaf.eax.to_le_bytes()[0]),
    }
}

/// Whether QEMU emulates the CPU. Before version 9.1 it checks the stack reads of an iretq in ring 3
/// as if they were ring 0's, so that under SMAP a guest could not return from its own handlers.
fn is_tcg() -> bool {
    const HYPERVISOR_PRESENT: u32 = 1 << 31;
    let name = __cpuid_count(0x4000_0000, 0);
    let words = [name.ebx, name.ecx, name.edx].map(u32::to_le_bytes);
    __cpuid_count(1, 0).ecx & HYPERVISOR_PRESENT != 0 && words.as_flattened() == b"TCGTCGTCGTCG"
}

/// Turns on what ring 0 uses.
pub fn enable_features() {
    let features = features();
    let mut cr4 = control::cr4() | CR4_PGE | CR4_MCE;
    if features.xcr0.is_some() {
        cr4 |= CR4_OSXSAVE;
    }
    if features.smep {
        cr4 |= CR4_SMEP;
    }
    if features.smap {
        cr4 |= CR4_SMAP;
    }
    control::set_cr4(cr4);
    if let Some(xcr0) = features.xcr0 {
        super::fpu_state::set_xcr0(xcr0);
    }
}
