// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest sees of CPUID: the host's features that a guest can use, and the leaves of the
//! hypervisor.
//!
//! PV guests that ask by the instruction itself see the host's answer; those that ask by the forced
//! emulated CPUID see this one. PVH guests always see this one.
#[cfg(test)]
mod tests;

use crate::hvm::local_apic::id_of;

/// eax, ebx, ecx, edx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// eax
    pub eax: u32,
    /// ebx
    pub ebx: u32,
    /// ecx
    pub ecx: u32,
    /// edx
    pub edx: u32,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// A PV guest.
    Pv,
    /// A PVH guest, which has page tables and interrupts as on bare hardware.
    Pvh {
        /// The number of its domain.
        domid: u16,
        /// The number of its vCPU.
        vcpu: u32,
        /// The local APIC is on.
        has_apic: bool,
    },
}

/// What the answer depends on besides the CPU.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Who asks.
    pub guest: Guest,
    /// The components that the guest's xsave handles; 0 without xsave.
    pub xcr0: u64,
    /// The guest is to see that xsave is turned on.
    pub os_xsave: bool,
    /// Version of the interface: major above minor.
    pub version: u32,
    /// Bits of a machine address.
    pub address_bits: u32,
    /// TSC ticks in a ms.
    pub tsc_khz: u32,
}

/// The first leaf of the hypervisor.
pub const FIRST_LEAF: u32 = 0x4000_0000;
const LAST_LEAF: u32 = FIRST_LEAF + 5;
/// Leaf 0xd and everything above it in the basic range are the last that is passed on.
const LAST_BASIC: u32 = 0xd;
const LAST_EXTENDED: u32 = 0x8000_0008;

mod bits {
    //! Feature bits that are hidden (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
    pub(super) const LEAF1_ECX_HIDDEN: u32 = 1 << 2 // DTES64
        | 1 << 3 // MONITOR
        | 1 << 4 // DS-CPL
        | 1 << 5 // VMX
        | 1 << 6 // SMX
        | 1 << 7 // EIST
        | 1 << 8 // TM2
        | 1 << 14 // xTPR
        | 1 << 15 // PDCM
        | 1 << 17 // PCID
        | 1 << 18 // DCA
        | 1 << 21 // x2APIC
        | 1 << 24; // TSC deadline
    pub(super) const XSAVE: u32 = 1 << 26;
    pub(super) const OSXSAVE: u32 = 1 << 27;
    pub(super) const AVX: u32 = 1 << 28;
    pub(super) const HYPERVISOR: u32 = 1 << 31;
    pub(super) const LEAF1_EDX_HIDDEN: u32 = 1 << 1 // VME
        | 1 << 3 // PSE
        | 1 << 12 // MTRR
        | 1 << 13 // PGE
        | 1 << 17 // PSE-36
        | 1 << 21 // DS
        | 1 << 22 // ACPI
        | 1 << 27 // SS
        | 1 << 28 // HTT
        | 1 << 29 // TM
        | 1 << 31; // PBE
    pub(super) const LEAF7_EBX_HIDDEN: u32 = 1 << 1 // TSC_ADJUST
        | 1 << 2 // SGX
        | 1 << 7 // SMEP
        | 1 << 10 // INVPCID
        | 1 << 12 // PQM
        | 1 << 14 // MPX
        | 1 << 15 // PQE
        | 1 << 20 // SMAP
        | 1 << 25; // PT
    pub(super) const LEAF7_AVX512: u32 =
        1 << 16 | 1 << 17 | 1 << 21 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 30 | 1 << 31;
    pub(super) const AVX2: u32 = 1 << 5;
    /// Protection keys, user-mode instruction prevention, CET, 5-level paging, enqueue.
    pub(super) const LEAF7_ECX_HIDDEN: u32 =
        1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 16 | 1 << 22 | 1 << 29 | 1 << 31;
    pub(super) const EXTENDED_ECX_HIDDEN: u32 = 1 << 2 // SVM
        | 1 << 3 // extended APIC space
        | 1 << 10 // IBS
        | 1 << 12 // SKINIT
        | 1 << 13 // WDT
        | 1 << 15 // LWP
        | 1 << 19 // NODEID
        | 1 << 23 | 1 << 24 | 1 << 28; // performance counters
    pub(super) const EXTENDED_EDX_HIDDEN: u32 =
        1 << 1 | 1 << 3 | 1 << 12 | 1 << 13 | 1 << 17 | 1 << 26; // as leaf 1, and 1 GiB pages
    pub(super) const XSAVES: u32 = 1 << 3;
    /// In edx of leaf 1 and of the first extended one: the local APIC.
    pub(super) const APIC: u32 = 1 << 9;
    /// Of leaf 1 in ecx: its registers may be MSRs, and its timer may wait for the TSC. The
    /// hypervisor does both, whatever the host can.
    pub(super) const X2APIC: u32 = 1 << 21 | 1 << 24;
    /// Of leaf 1 and the first extended one in edx: PSE, MTRR, PGE, PSE-36, which only PVH guests
    /// have.
    pub(super) const PAGING: u32 = 1 << 3 | 1 << 12 | 1 << 13 | 1 << 17;
    /// Of leaf 7 in ebx: SMEP and SMAP.
    pub(super) const SUPERVISOR: u32 = 1 << 7 | 1 << 20;
    /// Of the first extended leaf in edx: 1 GiB pages.
    pub(super) const GIANT_PAGES: u32 = 1 << 26;
    /// Of the first extended leaf in edx: rdtscp, whose register is not exchanged between guests.
    pub(super) const RDTSCP: u32 = 1 << 27;
}

/// `hidden` without those of `shown` that PVH guests have, and with those they lack.
const fn hidden_from(guest: Guest, hidden: u32, shown: u32, lacking: u32) -> u32 {
    match guest {
        Guest::Pv => hidden,
        Guest::Pvh { .. } => hidden & !shown | lacking,
    }
}

/// The answer for a leaf; `host` asks the CPU.
pub fn answer(
    policy: &Policy,
    leaf: u32,
    subleaf: u32,
    host: impl Fn(u32, u32) -> Answer,
) -> Answer {
    match leaf {
        FIRST_LEAF..=LAST_LEAF => hypervisor(policy, leaf, subleaf),
        0 => Answer { eax: host(0, 0).eax.min(LAST_BASIC), ..host(0, 0) },
        0x8000_0000 => Answer { eax: host(leaf, 0).eax.min(LAST_EXTENDED), ..host(leaf, 0) },
        1..=LAST_BASIC if leaf <= host(0, 0).eax => basic(policy, leaf, subleaf, host),
        0x8000_0001..=LAST_EXTENDED if leaf <= host(0x8000_0000, 0).eax => {
            extended(policy, leaf, host(leaf, subleaf))
        }
        _ => Answer::default(),
    }
}

fn basic(policy: &Policy, leaf: u32, subleaf: u32, host: impl Fn(u32, u32) -> Answer) -> Answer {
    let found = host(leaf, subleaf);
    match leaf {
        1 => features(policy, found),
        2 | 4 => found,
        7 if subleaf == 0 => structured(policy, found),
        0xb => topology(policy.guest, subleaf),
        0xd if policy.xcr0 != 0 => xsave(policy, subleaf, found, host),
        _ => Answer::default(),
    }
}

fn features(policy: &Policy, found: Answer) -> Answer {
    let mut ecx = found.ecx & !(bits::LEAF1_ECX_HIDDEN | bits::OSXSAVE) | bits::HYPERVISOR;
    if policy.xcr0 == 0 {
        ecx &= !bits::XSAVE;
    }
    if policy.xcr0 & 4 == 0 {
        ecx &= !bits::AVX;
    }
    if policy.os_xsave && ecx & bits::XSAVE != 0 {
        ecx |= bits::OSXSAVE;
    }
    // One logical processor.
    let ebx = found.ebx & 0xffff | 1 << 16;
    let hidden = hidden_from(policy.guest, bits::LEAF1_EDX_HIDDEN, bits::PAGING, bits::APIC);
    let edx = found.edx & !hidden;
    match policy.guest {
        Guest::Pv => Answer { eax: found.eax, ebx, ecx, edx },
        Guest::Pvh { vcpu, has_apic, .. } => Answer {
            eax: found.eax,
            ebx: ebx | id_of(vcpu).wrapping_shl(24),
            ecx: ecx | bits::X2APIC,
            edx: edx | if has_apic { bits::APIC } else { 0 },
        },
    }
}

/// No level of a hierarchy, but the number of the local APIC, as on Xen.
fn topology(guest: Guest, subleaf: u32) -> Answer {
    match guest {
        Guest::Pv => Answer::default(),
        Guest::Pvh { vcpu, .. } => {
            Answer { ecx: subleaf & 0xff, edx: id_of(vcpu), ..Answer::default() }
        }
    }
}

fn structured(policy: &Policy, found: Answer) -> Answer {
    let hidden = hidden_from(policy.guest, bits::LEAF7_EBX_HIDDEN, bits::SUPERVISOR, 0);
    let mut ebx = found.ebx & !hidden;
    if policy.xcr0 & 4 == 0 {
        ebx &= !bits::AVX2;
    }
    if policy.xcr0 & 0xe0 != 0xe0 {
        ebx &= !bits::LEAF7_AVX512;
    }
    Answer { eax: 0, ebx, ecx: found.ecx & !bits::LEAF7_ECX_HIDDEN, edx: 0 }
}

fn xsave(
    policy: &Policy,
    subleaf: u32,
    found: Answer,
    host: impl Fn(u32, u32) -> Answer,
) -> Answer {
    let [a, b, c, d, e, f, g, h] = policy.xcr0.to_le_bytes();
    match subleaf {
        0 => Answer {
            eax: u32::from_le_bytes([a, b, c, d]),
            ecx: area_bytes(policy.xcr0, host),
            edx: u32::from_le_bytes([e, f, g, h]),
            ..found
        },
        1 => Answer { eax: found.eax & !bits::XSAVES, ..Answer::default() },
        2..=62 if policy.xcr0 >> subleaf & 1 != 0 => found,
        _ => Answer::default(),
    }
}

/// Size of the area for all components in `xcr0`.
fn area_bytes(xcr0: u64, host: impl Fn(u32, u32) -> Answer) -> u32 {
    const LEGACY_AND_HEADER: u32 = 576;
    (2..=62u32).filter(|component| xcr0 >> component & 1 != 0).fold(LEGACY_AND_HEADER, |end, n| {
        let place = host(0xd, n);
        end.max(place.ebx.saturating_add(place.eax))
    })
}

fn extended(policy: &Policy, leaf: u32, found: Answer) -> Answer {
    const SHOWN: u32 = bits::PAGING | bits::GIANT_PAGES;
    const LACKING: u32 = bits::APIC | bits::RDTSCP;
    let apic = match policy.guest {
        Guest::Pvh { has_apic: true, .. } => found.edx & bits::APIC,
        _ => 0,
    };
    let hidden = hidden_from(policy.guest, bits::EXTENDED_EDX_HIDDEN, SHOWN, LACKING);
    match leaf {
        0x8000_0001 => Answer {
            ecx: found.ecx & !bits::EXTENDED_ECX_HIDDEN,
            edx: found.edx & !hidden | apic,
            ..found
        },
        0x8000_0007 => Answer { edx: found.edx & 1 << 8, ..Answer::default() },
        0x8000_0008 => Answer { eax: found.eax & 0xffff, ..Answer::default() },
        _ => found,
    }
}

/// The leaves of Xen (`public/arch-x86/cpuid.h`).
fn hypervisor(policy: &Policy, leaf: u32, subleaf: u32) -> Answer {
    let name = |text: &[u8; 4]| u32::from_le_bytes(*text);
    match leaf.wrapping_sub(FIRST_LEAF) {
        0 => Answer { eax: LAST_LEAF, ebx: name(b"XenV"), ecx: name(b"MMXe"), edx: name(b"nVMM") },
        1 => Answer { eax: policy.version, ..Answer::default() },
        // One hypercall page, set up by an MSR; bit 0, for PV: updates keep accessed and dirty bits.
        2 => {
            let ecx = u32::from(policy.guest == Guest::Pv);
            Answer { eax: 1, ebx: FIRST_LEAF, ecx, edx: 0 }
        }
        // The TSC is not emulated: the guest's rate, and the host's.
        3 if subleaf == 0 => Answer { eax: 0, ebx: 2, ecx: policy.tsc_khz, edx: 0 },
        3 if subleaf == 2 => Answer { eax: policy.tsc_khz, ..Answer::default() },
        4 => hardware(policy),
        5 if subleaf == 0 && policy.guest == Guest::Pv => {
            Answer { ebx: policy.address_bits, ..Answer::default() }
        }
        _ => Answer::default(),
    }
}

/// The leaf of domains in hardware virtualization: the numbers of vCPU and domain.
fn hardware(policy: &Policy) -> Answer {
    const VCPU_ID: u32 = 1 << 3;
    const DOMAIN_ID: u32 = 1 << 4;
    const UPCALL_VECTOR: u32 = 1 << 6;
    match policy.guest {
        Guest::Pv => Answer::default(),
        Guest::Pvh { domid, vcpu, .. } => Answer {
            eax: VCPU_ID | DOMAIN_ID | UPCALL_VECTOR,
            ebx: vcpu,
            ecx: u32::from(domid),
            edx: 0,
        },
    }
}
