// SPDX-License-Identifier: MIT OR Apache-2.0
use std::collections::BTreeMap;

use super::*;

/// Words of memory by address.
type Memory = BTreeMap<u64, u64>;

fn translate(paging: &Paging, memory: &Memory, address: u64, access: Access) -> Option<u64> {
    paging.translate(address, access, |at| {
        assert_eq!(at % 8, 0);
        Some(memory.get(&at).copied().unwrap_or(0))
    })
}

fn long() -> Paging {
    Paging { cr0: CR0_PG | CR0_PE | CR0_WP, cr3: 0x1000, cr4: CR4_PAE, efer: EFER_LMA, user: false }
}

#[test]
fn without_paging_an_address_is_itself() {
    let paging = Paging { cr0: CR0_PE, ..Paging::default() };
    assert_eq!(translate(&paging, &Memory::new(), 0x12_3456, Access::Write), Some(0x12_3456));
}

#[test]
fn four_levels() {
    let memory = Memory::from([
        (0x1000 + 8 * 511, 0x2003),
        (0x2000 + 8 * 510, 0x3003),
        (0x3000, 0x4003),
        (0x4000 + 8 * 5, 0x8000_0000_0070_0001),
        (0x3000 + 8, 0x4000_0083),
    ]);
    let base = 0xffff_ffff_8000_0000;
    assert_eq!(translate(&long(), &memory, base + 0x5123, Access::Read), Some(0x70_0123));
    assert_eq!(translate(&long(), &memory, base + 0x5123, Access::Write), None);
    let relaxed = Paging { cr0: CR0_PG, ..long() };
    assert_eq!(translate(&relaxed, &memory, base + 0x5123, Access::Write), Some(0x70_0123));
    let user = Paging { user: true, ..long() };
    assert_eq!(translate(&user, &memory, base + 0x5123, Access::Read), None);
    assert_eq!(translate(&long(), &memory, base + 0x6000, Access::Read), None);
    let large = base + 0x20_0000 + 0x1_2345;
    assert_eq!(translate(&long(), &memory, large, Access::Write), Some(0x4001_2345));
    assert_eq!(translate(&long(), &memory, 0x8000_0000_0000, Access::Read), None);
}

#[test]
fn pae_and_two_levels() {
    let pae = Paging { cr3: 0x1020, efer: 0, ..long() };
    let memory = Memory::from([(0x1020 + 8 * 3, 0x2001), (0x2000, 0x3003), (0x3000 + 8, 0x7003)]);
    assert_eq!(translate(&pae, &memory, 0xc000_1010, Access::Write), Some(0x7010));
    let legacy = Paging { cr4: CR4_PSE, efer: 0, ..long() };
    // Two entries of 4 bytes: a table, and a page of 4 MiB above 4 GiB.
    let memory = Memory::from([(0x1000, 0x0040_2083_0000_2003), (0x2000, 0x9003_0000_0000)]);
    assert_eq!(translate(&legacy, &memory, 0x1008, Access::Write), Some(0x9008));
    assert_eq!(translate(&legacy, &memory, 0x40_0008, Access::Read), Some(0x1_0040_0008));
    assert_eq!(translate(&legacy, &memory, 1 << 32, Access::Read), None);
}

proptest::proptest! {
    #[test]
    fn any_tables_at_all(cr0: u64, cr3: u64, cr4: u64, efer: u64, address: u64, seed: u64) {
        let paging = Paging { cr0, cr3, cr4, efer, user: seed & 1 != 0 };
        let _ = paging.translate(address, Access::Write, |at| {
            Some((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 3)
        });
    }
}
