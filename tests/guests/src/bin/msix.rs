// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages of devices are the hypervisor's: the first domain sees a device's table of MSI-X and
//! does not write it, nor the registers that say where it is.
#![no_std]
#![no_main]

use minios::hypercall::physdev;
use minios::memory::{SharedPages, map_mmio};
use minios::{Maddr, PAGE_SIZE};
use test_guests::hypercall::{at_mut, call2};
use test_guests::pci::{Function, find_capability};
use test_guests::{is_hv, minus};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::physdev::{MapPirq, MapPirqType, PciDevice, PciDeviceAdd, PhysdevOp};

test_report::guest!(run);

const MSIX: u8 = 0x11;
const ENABLE: u16 = 1 << 15;
const MASK_ALL: u16 = 1 << 14;
/// Bytes of a table entry.
const ENTRY: usize = 16;

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only the first domain has devices");
    }
    let Some((function, at)) = find_capability(MSIX) else {
        return report.error("PCI", "no device with MSI-X");
    };
    let device = PciDeviceAdd { devfn: function.devfn, ..PciDeviceAdd::default() };
    report.expect("pci_device_add", physdev::pci_device_add(device), Ok(()));
    let prepared =
        physdev::prepare_msix(PciDevice { devfn: function.devfn, ..PciDevice::default() });
    report.expect("prepare_msix", prepared, Ok(()));
    let control = control(function, at);
    let place = function.read(at + 4);
    let bar = 0x10 + 4 * (place & 7).to_le_bytes()[0];
    let base = function.read(bar);
    capability(report, function, at);
    if is_hv() {
        moving(report, function, bar);
    }
    let table = u64::from(base & !15) + u64::from(place & !7);
    match map_mmio(Maddr::new(table & !(PAGE_SIZE as u64 - 1)), 1) {
        Ok(page) => writes(report, &page, usize::try_from(table).unwrap_or(0) % PAGE_SIZE),
        Err(error) => report.error("mapping the table", error),
    }
    pirqs(report, function, table, u32::from(control & 0x7ff));
}

fn control(function: Function, at: u8) -> u16 {
    let [_, _, low, high] = function.read(at).to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The control word is open, the rest of the capability is not.
fn capability(report: &mut Report, function: Function, at: u8) {
    let before = control(function, at) & !ENABLE;
    function.write_u16(at + 2, before | MASK_ALL);
    report.expect("mask all", control(function, at) & MASK_ALL, MASK_ALL);
    function.write_u16(at + 2, before & !MASK_ALL);
    if is_hv() {
        function.write_u16(at + 2, before | ENABLE);
        report.equal("turned on by the domain", control(function, at) & ENABLE, 0);
    }
    let words = [at + 4, at + 8].map(|register| function.read(register));
    for register in [at, at + 4, at + 8] {
        function.write(register, 0);
        function.write_u8(register + 3, 0xff);
    }
    report.equal("table and pending bits", [at + 4, at + 8].map(|it| function.read(it)), words);
    report.expect("one byte of control", control(function, at) & (ENABLE | MASK_ALL), 0);
}

/// The memory with the table stays where it is, and can be sized.
fn moving(report: &mut Report, function: Function, bar: u8) {
    let before = function.read(bar);
    function.write(bar, 0xe000_0000);
    report.equal("moved", function.read(bar), before);
    function.write_u16(bar + 2, 0xe000);
    report.equal("moved by half", function.read(bar), before);
    function.write(bar, u32::MAX);
    report.check("sized", function.read(bar) != before);
    function.write(bar, before);
    report.equal("put back", function.read(bar), before);
}

/// The page is asked for as writable; what is written there has no effect.
fn writes(report: &mut Report, page: &SharedPages, table: usize) {
    for offset in [0, 4, 8, 12] {
        let before = page.load_u32(table + offset);
        page.store_u32(table + offset, before ^ 0x31);
        report.expect("a write to the table", page.load_u32(table + offset) ^ before, 0);
    }
}

fn pirqs(report: &mut Report, function: Function, table: u64, last_entry: u32) {
    let map = |entry: u32, table_base| {
        let mut request = MapPirq {
            domid: DomId::SELF,
            kind: MapPirqType::Msi.raw(),
            index: -1,
            pirq: -1,
            devfn: function.devfn.into(),
            entry_nr: entry.cast_signed(),
            table_base,
            ..MapPirq::default()
        };
        call2(Hypercall::PhysdevOp, PhysdevOp::MapPirq.raw().into(), at_mut(&mut request))
    };
    report.expect("an entry behind the last", map(last_entry + 1, table), minus(Errno::Einval));
    report.row("a wild entry", map(u32::MAX, table));
    report.expect("the last entry", map(last_entry, table), 0);
    if is_hv() {
        let elsewhere = map(0, table + (ENTRY * 4096) as u64);
        report.equal("a table elsewhere", elsewhere, minus(Errno::Einval));
    }
}
