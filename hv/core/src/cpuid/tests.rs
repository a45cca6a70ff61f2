// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Answer, FIRST_LEAF, Guest, Policy, answer};

const POLICY: Policy = Policy {
    guest: Guest::Pv,
    xcr0: 7,
    os_xsave: false,
    version: 4 << 16 | 17,
    address_bits: 40,
    tsc_khz: 1000,
};

fn everything(leaf: u32, _subleaf: u32) -> Answer {
    let eax = match leaf {
        0 => 0x20,
        0x8000_0000 => 0x8000_001f,
        _ => u32::MAX,
    };
    Answer { eax, ebx: u32::MAX, ecx: u32::MAX, edx: u32::MAX }
}

fn nothing(_leaf: u32, _subleaf: u32) -> Answer {
    Answer::default()
}

#[test]
fn signature() {
    let found = answer(&POLICY, FIRST_LEAF, 0, nothing);
    assert_eq!((found.ebx, found.ecx, found.edx), (0x566e_6558, 0x6558_4d4d, 0x4d4d_566e));
    assert_eq!(answer(&POLICY, FIRST_LEAF + 1, 0, nothing).eax, 0x4_0011);
}

#[test]
fn ring_0_features_are_hidden() {
    let found = answer(&POLICY, 1, 0, everything);
    assert_eq!(found.ecx & (1 << 5 | 1 << 21 | 1 << 27), 0, "VMX, x2APIC, OSXSAVE");
    assert_ne!(found.ecx & 1 << 31, 0, "a hypervisor is there");
    assert_eq!(answer(&POLICY, 7, 0, everything).ebx & (1 << 7 | 1 << 20), 0, "SMEP, SMAP");
    assert_eq!(answer(&POLICY, 0x8000_0001, 0, everything).ecx & 1 << 2, 0, "SVM");
}

#[test]
fn os_xsave_follows_the_guest() {
    let policy = Policy { os_xsave: true, ..POLICY };
    assert_ne!(answer(&policy, 1, 0, everything).ecx & 1 << 27, 0);
    let policy = Policy { xcr0: 0, ..policy };
    assert_eq!(answer(&policy, 1, 0, everything).ecx & (7 << 26), 0);
}

#[test]
fn leaves_end_where_the_policy_does() {
    assert_eq!(answer(&POLICY, 0, 0, everything).eax, 0xd);
    assert_eq!(answer(&POLICY, 0x1f, 0, everything), Answer::default());
    assert_eq!(answer(&POLICY, 0x8000_0000, 0, everything).eax, 0x8000_0008);
    assert_eq!(answer(&POLICY, 1, 0, nothing), Answer::default());
}

#[test]
fn a_pvh_guest_has_paging_of_its_own_and_no_virtualization() {
    let policy = Policy { guest: Guest::Pvh { domid: 7, vcpu: 3, has_apic: true }, ..POLICY };
    let all = |leaf: u32, _| match leaf {
        0 => Answer { eax: 0xd, ..Answer::default() },
        0x8000_0000 => Answer { eax: 0x8000_0008, ..Answer::default() },
        _ => Answer { eax: u32::MAX, ebx: u32::MAX, ecx: u32::MAX, edx: u32::MAX },
    };
    let pv = answer(&POLICY, 1, 0, all);
    let pvh = answer(&policy, 1, 0, all);
    assert_eq!((pv.edx ^ pvh.edx), 1 << 3 | 1 << 12 | 1 << 13 | 1 << 17);
    assert_eq!((pvh.edx >> 9 & 1, pvh.ecx >> 21 & 1, pvh.ebx >> 24), (1, 1, 6));
    assert_eq!(answer(&policy, 0xb, 1, all), Answer { ecx: 1, edx: 6, ..Answer::default() });
    let off = Policy { guest: Guest::Pvh { domid: 7, vcpu: 3, has_apic: false }, ..POLICY };
    assert_eq!(answer(&off, 1, 0, all).edx >> 9 & 1, 0);
    assert_eq!(pvh.ecx & 1 << 5, 0);
    assert_eq!(answer(&policy, 0x8000_0001, 0, all).ecx & 1 << 2, 0);
    assert_eq!(answer(&policy, 7, 0, all).ebx & (1 << 7 | 1 << 20), 1 << 7 | 1 << 20);
    assert_eq!(answer(&policy, FIRST_LEAF + 4, 0, all).ecx, 7);
    let features = |policy| answer(policy, FIRST_LEAF + 2, 0, all).ecx;
    assert_eq!((features(&POLICY), features(&policy)), (1, 0));
    assert_eq!(answer(&POLICY, FIRST_LEAF + 4, 0, all), Answer::default());
}
