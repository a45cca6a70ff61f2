// SPDX-License-Identifier: MIT OR Apache-2.0
use core::convert::Infallible;
use std::vec;
use std::vec::Vec;

use xen_abi::frame::{Mfn, PAGE_SIZE, Pfn};
use xen_abi::hvm_start_info::{HVM_START_MAGIC, HvmMemmapEntry, HvmModule, HvmStartInfo};
use zerocopy::FromBytes;

use super::{PvhImage, PvhLayout, acpi, populate, start_state};
use crate::tests::{KERNEL, elf, note};
use crate::{BuildError, DomainMemory, ImageError};

extern crate std;

struct Memory(Vec<u8>);

impl DomainMemory for Memory {
    type Error = Infallible;

    fn mfn(&self, pfn: Pfn) -> Mfn {
        Mfn::new(pfn.get())
    }

    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), Infallible> {
        let at = usize::try_from(first.get() * PAGE_SIZE as u64 + offset).unwrap();
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

impl Memory {
    fn read<T: FromBytes>(&self, at: u64) -> T {
        T::read_from_prefix(&self.0[usize::try_from(at).unwrap()..]).unwrap().0
    }
}

fn image() -> Vec<u8> {
    elf(62, &note(18, &(u32::try_from(KERNEL).unwrap() + 0x20).to_le_bytes()))
}

#[test]
fn faults_have_their_sentences() {
    let fault = |bytes: &[u8]| PvhImage::parse(bytes).err().unwrap();
    assert_eq!(fault(b"#!/bin/sh"), ImageError::NotElf);
    assert_eq!(fault(&elf(40, &[])), ImageError::WrongMachine);
    assert_eq!(fault(&elf(62, &note(1, &KERNEL.to_le_bytes()))), ImageError::NoPvhEntry);
    assert_eq!(fault(&elf(62, &note(18, &[0; 4]))), ImageError::EntryOutside);
    let whole = image();
    assert!(PvhImage::parse(&whole[..whole.len() - 4]).is_err());
}

#[test]
fn a_domain_finds_its_start_info() {
    let file = image();
    let image = PvhImage::parse(&file).unwrap();
    assert_eq!(u64::from(image.entry()), KERNEL + 0x20);
    let layout = PvhLayout::plan::<Infallible>(&image, 1024, 5000).unwrap();
    let mut memory = Memory(vec![0; 1024 * PAGE_SIZE]);
    let ramdisk = [7u8; 5000];
    let at = populate(&image, &layout, &ramdisk, "ip=dhcp", &mut memory).unwrap();
    assert_eq!(memory.0[usize::try_from(KERNEL).unwrap()], 0x90);
    let info: HvmStartInfo = memory.read(at);
    assert_eq!((info.magic, info.nr_modules), (HVM_START_MAGIC, 1));
    let module: HvmModule = memory.read(info.modlist_paddr);
    assert_eq!((module.paddr, module.size), (KERNEL + 0x3000, 5000));
    assert_eq!(memory.0[usize::try_from(module.paddr).unwrap() + 4999], 7);
    assert_eq!(memory.read::<[u8; 8]>(info.cmdline_paddr), *b"ip=dhcp\0");
    let first: HvmMemmapEntry = memory.read(info.memmap_paddr);
    assert_eq!((first.addr, first.size, first.kind), (0, 4 << 20, 1));
    assert_eq!(info.memmap_entries, 3);
    assert_eq!(start_state(image.entry(), at).registers[1], at);
}

#[test]
fn memory_has_limits() {
    let file = image();
    let image = PvhImage::parse(&file).unwrap();
    let plan = |pages| PvhLayout::plan::<Infallible>(&image, pages, 0);
    assert!(matches!(plan(16), Err(BuildError::TooLittleMemory { .. })));
}

#[test]
fn memory_goes_on_above_the_hole() {
    let file = image();
    let image = PvhImage::parse(&file).unwrap();
    let ram = |pages| {
        let layout = PvhLayout::plan::<Infallible>(&image, pages, 0).unwrap();
        let map = layout.memory_map();
        let ram = map.iter().filter(|entry| entry.kind == 1);
        let parts: Vec<_> = ram.map(|entry| (entry.addr, entry.addr + entry.size)).collect();
        let in_pages = layout.memory().map(|part| (part.start << 12, part.end << 12));
        assert_eq!(parts, in_pages.collect::<Vec<_>>());
        assert!(map.is_sorted_by_key(|entry| entry.addr));
        parts
    };
    assert_eq!(ram(0xf_0000), [(0, 0xf000_0000)]);
    assert_eq!(ram(0xf_0001), [(0, 0xf000_0000), (1 << 32, (1 << 32) + 0x1000)]);
    assert_eq!(ram(0x12_0000), [(0, 0xf000_0000), (1 << 32, 0x1_3000_0000)]);
}

#[test]
fn tables_sum_up_to_zero_and_point_at_each_other() {
    const BASE: u64 = 0xfc00_0000;
    let page = acpi::tables(BASE, 3);
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let word = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().unwrap());
    let table = |address: u64| {
        let at = usize::try_from(address - BASE).unwrap();
        let length = u32::from_le_bytes(page[at + 4..at + 8].try_into().unwrap()) as usize;
        &page[at..at + length]
    };
    assert_eq!((&page[..8], sum(&page[..20]), sum(&page[..36])), (&b"RSD PTR "[..], 0, 0));
    let xsdt = table(word(24));
    assert_eq!((&xsdt[..4], sum(xsdt)), (&b"XSDT"[..], 0));
    let at = |offset: usize| u64::from_le_bytes(xsdt[offset..offset + 8].try_into().unwrap());
    let (fadt, madt) = (table(at(36)), table(at(44)));
    assert_eq!((&fadt[..4], sum(fadt), fadt.len()), (&b"FACP"[..], 0, 268));
    assert_eq!(fadt[114] & 1 << 4, 1 << 4, "reduced hardware");
    let dsdt = table(u64::from_le_bytes(fadt[140..148].try_into().unwrap()));
    assert_eq!((&dsdt[..4], sum(dsdt)), (&b"DSDT"[..], 0));
    assert_eq!((&madt[..4], sum(madt), madt.len()), (&b"APIC"[..], 0, 44 + 3 * 8));
    assert!(acpi::tables(BASE, 128).len() < PAGE_SIZE);
}
