// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec as List;

use proptest::prelude::*;

use super::*;

/// Memory from 0xe0000 on, zero below.
struct Fake(List<u8>);

const BASE: u64 = 0xe_0000;

impl TableMemory for Fake {
    fn read(&self, at: u64, to: &mut [u8]) -> Option<()> {
        if at < BASE {
            to.fill(0);
            return Some(());
        }
        let start = usize::try_from(at - BASE).ok()?;
        to.copy_from_slice(self.0.get(start..start.checked_add(to.len())?)?);
        Some(())
    }
}

fn with_sum(mut bytes: List<u8>, at: usize) -> List<u8> {
    bytes[at] = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    bytes
}

fn table(signature: &[u8; 4], body: &[u8]) -> List<u8> {
    let mut bytes = signature.to_vec();
    bytes.extend(u32::try_from(36 + body.len()).unwrap().to_le_bytes());
    bytes.resize(36, 0);
    bytes.extend(body);
    with_sum(bytes, 9)
}

const MADT: usize = 0x200;
const MCFG: usize = 0x300;

/// Root pointer at 0x40, list at 0x100.
fn machine(extended: bool) -> Fake {
    let at = |offset: usize| BASE + offset as u64;
    let mut memory = std::vec![0; 0x400];
    let mut put =
        |offset: usize, bytes: &[u8]| memory[offset..offset + bytes.len()].copy_from_slice(bytes);
    let mut madt = std::vec![0, 0, 0xe0, 0xfe, 1, 0, 0, 0];
    madt.extend([0, 8, 0, 0, 1, 0, 0, 0]);
    madt.extend([1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    madt.extend([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
    madt.extend([2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0]);
    put(MADT, &table(b"APIC", &madt));
    let mut mcfg = std::vec![0; 8];
    mcfg.extend(0xb000_0000_u64.to_le_bytes());
    mcfg.extend([0, 0, 0, 255, 0, 0, 0, 0]);
    put(MCFG, &table(b"MCFG", &mcfg));
    let tables = [at(MADT), at(MCFG)];
    if extended {
        let list: List<u8> = tables.iter().flat_map(|at| at.to_le_bytes()).collect();
        put(0x100, &table(b"XSDT", &list));
    } else {
        let list: List<u8> =
            tables.iter().flat_map(|at| u32::try_from(*at).unwrap().to_le_bytes()).collect();
        put(0x100, &table(b"RSDT", &list));
    }
    let mut root = b"RSD PTR ".to_vec();
    root.resize(20, 0);
    root[15] = if extended { 2 } else { 0 };
    let list = u32::try_from(at(0x100)).unwrap().to_le_bytes();
    root[16..20].copy_from_slice(if extended { &[0; 4] } else { &list });
    put(0x40, &with_sum(root, 8));
    put(0x58, &at(0x100).to_le_bytes());
    Fake(memory)
}

#[test]
fn finds_what_there_is() {
    for extended in [false, true] {
        let memory = machine(extended);
        let root = find_root(&memory);
        assert_eq!(root, Some(BASE + 0x40));
        let platform = Platform::read(&memory, root.unwrap());
        assert_eq!(platform.ioapics, [IoApic { address: 0xfec0_0000, first_line: 0 }]);
        assert_eq!(platform.config, [ConfigMemory { start: 0xb000_0000, bytes: 256 << 20 }]);
        let timer = Override { irq: 0, line: 2, level: false, active_low: false };
        let control = Override { irq: 9, line: 9, level: true, active_low: true };
        assert_eq!(platform.overrides, [timer, control]);
        assert_eq!(platform.isa_line(0), timer);
        let serial = Override { irq: 4, line: 4, level: false, active_low: false };
        assert_eq!(platform.isa_line(4), serial);
    }
}

#[test]
fn wrong_sums_are_no_tables() {
    let mut memory = machine(false);
    memory.0[MADT + 50] ^= 1;
    let platform = Platform::read(&memory, BASE + 0x40);
    assert!(platform.ioapics.is_empty() && !platform.config.is_empty());
    memory.0[0x48] ^= 1;
    assert_eq!(find_root(&memory), None);
    assert_eq!(Platform::read(&memory, BASE + 0x40), Platform::default());
}

#[test]
fn an_entry_without_length_ends_its_table() {
    let mut memory = machine(false);
    memory.0[MADT + 53] = 0;
    memory.0[MADT + 9] = 0;
    let length = memory.0[MADT + 4] as usize;
    let sum = memory.0[MADT..MADT + length].iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    memory.0[MADT + 9] = sum;
    assert!(Platform::read(&memory, BASE + 0x40).overrides.is_empty());
}

proptest! {
    /// Whatever is changed, reading ends; sums are made right, so that it goes on.
    #[test]
    fn any_bytes(changes in prop::collection::vec((0_usize..0x400, any::<u8>()), 0..30)) {
        let mut memory = machine(changes.len() % 2 == 0);
        for (at, byte) in changes {
            memory.0[at] = byte;
        }
        for (start, at) in [(0x40, 0x48), (0x100, 0x109), (MADT, MADT + 9), (MCFG, MCFG + 9)] {
            let length = if start == 0x40 { 20 } else { usize::from(memory.0[start + 4]) };
            let end = (start + length).min(memory.0.len());
            let sum = memory.0[start..end].iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
            memory.0[at] = memory.0[at].wrapping_add(sum);
        }
        let _ = find_root(&memory);
        let _ = Platform::read(&memory, BASE + 0x40);
    }
}
