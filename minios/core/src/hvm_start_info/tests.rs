// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of reading hvm_start_info: a builder that is right, and one that is wrong everywhere.
use super::{BootInfo, Error, parse};
use alloc::vec::Vec;
use core::ops::Range;
use proptest::prelude::*;
use xen_abi::hvm_start_info::{HVM_START_MAGIC, HvmMemmapEntry, HvmModule, HvmStartInfo};
use zerocopy::IntoBytes;

const IMAGE: Range<u64> = 0x10_0000..0x18_0800;
/// Where the test's memory begins: nothing else can be read.
const BASE: u64 = 0x40_0000;
const MODULES: u64 = BASE + 0x100;
const MAP: u64 = BASE + 0x200;
const COMMAND_LINE: u64 = BASE + 0x800;

/// Start info, modules, memory map and command line as a builder lays them out at [`BASE`].
#[derive(Clone, Debug)]
struct Builder {
    info: HvmStartInfo,
    modules: Vec<HvmModule>,
    map: Vec<HvmMemmapEntry>,
    command_line: &'static [u8],
}

fn entry(addr: u64, size: u64, kind: u32) -> HvmMemmapEntry {
    HvmMemmapEntry { addr, size, kind, reserved: 0 }
}

fn module(paddr: u64, size: u64) -> HvmModule {
    HvmModule { paddr, size, ..HvmModule::default() }
}

impl Builder {
    fn new() -> Self {
        let info = HvmStartInfo {
            magic: HVM_START_MAGIC,
            version: 1,
            nr_modules: 1,
            modlist_paddr: MODULES,
            cmdline_paddr: COMMAND_LINE,
            memmap_paddr: MAP,
            memmap_entries: 2,
            ..HvmStartInfo::default()
        };
        let map = [entry(0, 32 << 20, 1), entry(0xfeff_8000, 0x8000, 2)];
        let modules = [module(0x19_0000, 0x1234)];
        Self { info, modules: modules.into(), map: map.into(), command_line: b"ip=dhcp\0" }
    }

    fn memory(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0xffu8; 0x1000];
        let mut put = |at: u64, what: &[u8]| {
            let at = usize::try_from(at - BASE).expect("small");
            bytes[at..at + what.len()].copy_from_slice(what);
        };
        put(BASE, self.info.as_bytes());
        put(MODULES, self.modules.as_bytes());
        put(MAP, self.map.as_bytes());
        put(COMMAND_LINE, self.command_line);
        bytes
    }
}

fn parse_in(bytes: &[u8]) -> Result<BootInfo<'_>, Error> {
    parse(BASE, IMAGE, |range| {
        assert!(range.end <= IMAGE.start || IMAGE.end <= range.start);
        let start = usize::try_from(range.start.checked_sub(BASE)?).ok()?;
        bytes.get(start..start + usize::try_from(range.end - range.start).ok()?)
    })
}

#[test]
fn a_usual_domain() {
    let memory = Builder::new().memory();
    let info = parse_in(&memory).expect("a right one");
    assert_eq!(info.command_line, b"ip=dhcp");
    assert_eq!(info.ramdisk, 0x19_0000..0x19_1234);
    assert!(info.ram.iter().eq(core::iter::once(0..0x2000)));
    assert_eq!(info.free.iter().collect::<Vec<_>>(), [1..0x100, 0x181..0x190, 0x192..0x2000]);
    assert_eq!(info.map_end, 0xff000);
}

#[test]
fn memory_that_a_domain_has_on_paper() {
    let memory = Builder::new().memory();
    let limited = |pages| {
        let mut info = parse_in(&memory).expect("a right one");
        info.limit_ram(pages);
        (info.ram.pages(), info.free.end(), info.map_end)
    };
    assert_eq!(limited(0x2005), (0x2000, 0x2000, 0xff000), "it has all, and its rings");
    assert_eq!(limited(0x2000), (0x2000, 0x2000, 0xff000));
    assert_eq!(limited(0x1040), (0x1000, 0x1000, 0xff000));
    assert_eq!(limited(3).0, 0);
}

#[test]
fn memory_with_holes_and_overlaps() {
    let mut builder = Builder::new();
    builder.map = [
        entry(0x10_0000, 0x100_0000, 1),
        entry(0x800, 0x9_f000, 1),
        entry(0x10_0000, 0x3ff, 2),
        entry(u64::MAX - 5, u64::MAX, 1),
    ]
    .into();
    builder.info.memmap_entries = 4;
    let memory = builder.memory();
    let info = parse_in(&memory).expect("a right one");
    assert_eq!(info.ram.iter().collect::<Vec<_>>(), [1..0x9f, 0x101..0x1100]);
}

#[test]
fn what_is_wrong_has_a_name() {
    let refused = |change: fn(&mut Builder)| {
        let mut builder = Builder::new();
        change(&mut builder);
        parse_in(&builder.memory()).expect_err("a wrong one")
    };
    assert_eq!(refused(|b| b.info.magic = 1), Error::BadMagic);
    assert_eq!(refused(|b| b.info.version = 0), Error::NoMemoryMap);
    assert_eq!(refused(|b| b.info.memmap_entries = 0), Error::NoMemoryMap);
    assert_eq!(refused(|b| b.info.memmap_paddr = 0), Error::BadAddress);
    assert_eq!(refused(|b| b.info.memmap_paddr = u64::MAX), Error::BadAddress);
    assert_eq!(refused(|b| b.info.modlist_paddr = IMAGE.start), Error::BadAddress);
    assert_eq!(refused(|b| b.info.cmdline_paddr = IMAGE.end - 1), Error::BadAddress);
    assert_eq!(refused(|b| b.info.cmdline_paddr = u64::MAX), Error::BadAddress);
    assert_eq!(refused(|b| b.modules = [module(0, 5)].into()), Error::BadModule);
    assert_eq!(refused(|b| b.modules = [module(IMAGE.end - 1, 5)].into()), Error::BadModule);
    assert_eq!(refused(|b| b.modules = [module(5, u64::MAX)].into()), Error::BadModule);
    assert_eq!(refused(|b| b.modules = [module((32 << 20) - 1, 2)].into()), Error::BadModule);
}

#[test]
fn a_command_line_without_end_is_cut_off() {
    let mut builder = Builder::new();
    builder.info.cmdline_paddr = BASE + 0x900;
    let memory = builder.memory();
    assert_eq!(parse_in(&memory).map(|info| info.command_line.len()), Ok(1023));
    builder.info.cmdline_paddr = BASE + 0xff0;
    let memory = builder.memory();
    assert_eq!(parse_in(&memory).err(), Some(Error::BadAddress));
}

/// Numbers near the places where something happens.
fn number() -> impl Strategy<Value = u64> {
    let near = [0, IMAGE.start, IMAGE.end, BASE, MODULES, MAP, 32 << 20, 1 << 32, u64::MAX];
    let near = (prop::sample::select(near.to_vec()), 0u64..0x2000, any::<bool>());
    prop_oneof![
        any::<u64>(),
        near.prop_map(|(base, offset, below)| {
            if below { base.wrapping_sub(offset) } else { base.wrapping_add(offset) }
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_the_builder_says_the_result_holds(
        map in prop::collection::vec((number(), number(), 0u32..6), 1..12),
        modules in prop::collection::vec((number(), number()), 0..6),
        lists in (number(), number(), number(), any::<u32>(), any::<u32>(), 0u8..16),
    ) {
        let mut builder = Builder::new();
        builder.map = map.iter().map(|&(addr, size, kind)| entry(addr, size, kind)).collect();
        builder.modules = modules.iter().map(|&(paddr, size)| module(paddr, size)).collect();
        builder.info.memmap_entries = u32::try_from(builder.map.len()).expect("few");
        builder.info.nr_modules = u32::try_from(builder.modules.len()).expect("few");
        let (modlist, memmap, cmdline, nr_modules, entries, which) = lists;
        if which & 1 != 0 { builder.info.modlist_paddr = modlist; }
        if which & 2 != 0 { builder.info.memmap_paddr = memmap; }
        if which & 4 != 0 { builder.info.cmdline_paddr = cmdline; }
        if which & 8 != 0 { (builder.info.nr_modules, builder.info.memmap_entries) = (nr_modules, entries); }
        let memory = builder.memory();
        let Ok(info) = parse_in(&memory) else { return Ok(()) };
        prop_assert!(info.command_line.len() < 1024);
        prop_assert!(info.ram.end() <= 1 << 27);
        let ramdisk = info.ramdisk.start >> 12..info.ramdisk.end.div_ceil(4096);
        prop_assert!(info.ramdisk.is_empty() || info.ram.contains(&ramdisk));
        for free in info.free.iter() {
            prop_assert!(info.ram.contains(&free));
            prop_assert!(free.start > 0);
            prop_assert!(free.end <= IMAGE.start >> 12 || IMAGE.end.div_ceil(4096) <= free.start);
            prop_assert!(info.ramdisk.is_empty() || free.end <= ramdisk.start || ramdisk.end <= free.start);
        }
        for (addr, size, kind) in map.iter().copied().filter(|_| which & 10 == 0) {
            if kind != 1 && size > 0 {
                let page = addr >> 12;
                prop_assert!(!info.ram.contains(&(page..page + 1)));
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0x1000)) {
        let _ = parse_in(&bytes);
        let mut bytes = bytes;
        bytes[..4].copy_from_slice(&HVM_START_MAGIC.to_le_bytes());
        let _ = parse_in(&bytes);
    }
}
