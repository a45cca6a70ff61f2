// SPDX-License-Identifier: MIT OR Apache-2.0
//! Page tables of a PVH guest, changed at random and compared with a walk in software; and more of
//! them in use at once than a hypervisor that shadows them keeps in memory.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;

use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{PRESENT, RW, WRITABLE, flush, invalidate};
use test_guests::random::Random;
use test_guests::{poke, provoke, traps, word};
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_PF};

test_report::guest!(run, only_pvh = "a PVH guest writes its page tables itself");

/// Pages of the random part: three tables that are in use from the start, more that become tables,
/// then data.
const TABLES: u64 = 8;
const PAGES: u64 = 24;
const SLOTS: u64 = 4;
const STEPS: u32 = 4000;
/// Tables of level 1 that are all in use: 2 MiB of addresses each.
const MANY: u64 = 300;

async fn run(report: &mut Report) {
    traps::record(VECTOR_PF, TrapFlags::empty());
    random(report);
    many(report);
}

/// What the tables say of an address: the page, and whether it may be written.
fn walk(tables: &OwnTables, level2: u64, level1: u64) -> Option<(u64, bool)> {
    let page_of = |entry: u64| ((entry & 0x000f_ffff_ffff_f000) - tables.page(0)) >> 12;
    let above = tables.get(1, level2);
    if above & PRESENT == 0 {
        return None;
    }
    let leaf = tables.get(page_of(above), level1);
    (leaf & PRESENT != 0).then(|| (page_of(leaf), above & leaf & WRITABLE != 0))
}

/// What the processor does: the page, by the word at its end, and whether it may be written.
fn probe(at: u64) -> Option<(u64, bool)> {
    const LAST_WORD: u64 = 4088;
    let mut found = 0_u64;
    let missing = traps::faults(
        || provoke!("mov {v}, [{at}]"; at = in(reg) at + LAST_WORD, v = inout(reg) found),
    );
    if missing > 0 {
        return None;
    }
    let refused =
        traps::faults(|| provoke!("lock or qword ptr [{at}], 0"; at = in(reg) at + LAST_WORD));
    Some((found >> 1, refused == 0))
}

/// One of the tables is the upper one; a page may be table and data at once.
fn random(report: &mut Report) {
    let Some(tables) = OwnTables::new(21) else { return report.error("pages", "no memory") };
    // As an entry it is not present.
    (0..PAGES).for_each(|page| poke(tables.page(page) + 4088, page << 1));
    let mut random = Random::new(7);
    for step in 0..STEPS {
        let slot = random.below(SLOTS);
        let flags = random.of([0, PRESENT, RW, RW]);
        if random.below(4) == 0 {
            tables.set(1, slot, tables.page(2 + random.below(TABLES - 2)) | flags);
        } else {
            let page = random.below(PAGES - 2) + 2;
            tables.set(2 + random.below(TABLES - 2), slot, tables.page(page) | flags);
        }
        let at = (random.below(SLOTS), random.below(SLOTS));
        match random.below(3) {
            0 => invalidate(address(0, at.0, at.1)),
            1 => flush(),
            _ => continue,
        }
        let (found, meant) = (probe(address(0, at.0, at.1)), walk(&tables, at.0, at.1));
        if found != meant {
            report.error("random change", format!("step {step}: {found:x?}, not {meant:x?}"));
            return;
        }
    }
    report.check("random changes", true);
}

/// Each table maps one page of data, by an entry of its own.
fn many(report: &mut Report) {
    let Some(tables) = OwnTables::new(512) else { return report.error("2 MiB", "no memory") };
    let at = |table: u64| address(0, table, table % 512);
    for table in 0..MANY {
        tables.set(3 + table, table % 512, tables.page(3 + MANY + table % 128) | RW);
        tables.set(1, table, tables.page(3 + table) | RW);
    }
    (0..128).for_each(|data| poke(tables.page(3 + MANY + data), data));
    let holds = |table: u64| word(at(table)) == table % 128;
    report.check("one after the other", (0..MANY).all(holds));
    report.check("and once more", (0..MANY).all(holds));
    let mut random = Random::new(9);
    report.check("at random", (0..STEPS).all(|_| holds(random.below(MANY))));
    for table in 0..MANY {
        poke(at(table) + 8, table);
    }
    let last = |data: u64| (0..MANY).rfind(|table| table % 128 == data);
    let right = (0..128).all(|data| Some(word(tables.page(3 + MANY + data) + 8)) == last(data));
    report.check("written by each", right);
}
