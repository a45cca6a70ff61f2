// SPDX-License-Identifier: MIT OR Apache-2.0
//! The older kinds of page tables, in protected mode: two levels with entries of 4 bytes, and three.
//! Changed with a flush and without, with large pages, accessed and dirty bits, and a table that shows
//! itself.
#![no_std]
#![no_main]

extern crate alloc;

use minios::memory::SharedPages;
use test_guests::protected_mode::{CR4_PAE, CR4_PSE, Do, run as run_protected};
use test_report::Report;

test_report::guest!(run, only_pvh = "a PV guest has four levels");

const RW: u32 = 3;
const ACCESSED: u32 = 1 << 5;
const DIRTY: u32 = 1 << 6;
const LARGE: u32 = 1 << 7;
/// Addresses from here on are behind the table of level 1; below them memory is where it is.
const WINDOW: u32 = 0xc000_0000;
/// Pages: up to five tables of the upper levels, one of level 1, data.
const LEVEL1: usize = 5;
const DATA: usize = 6;
const PAGES: usize = 10;

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(PAGES) else { return report.error("pages", "no memory") };
    two_levels(report, &pages);
    pages.fill(0, pages.len(), 0);
    three_levels(report, &pages);
}

/// Where a page is.
fn at(pages: &SharedPages, page: usize) -> u32 {
    u32::try_from(pages.address() + (page << 12)).expect("memory below 4 GiB")
}

/// Entries of 4 MiB up to the window, which has a table.
fn two_levels(report: &mut Report, pages: &SharedPages) {
    for slot in 0..(WINDOW >> 22) {
        pages.store_u32(slot as usize * 4, slot << 22 | RW | LARGE);
    }
    pages.store_u32((WINDOW >> 22) as usize * 4, at(pages, LEVEL1) | RW);
    changes(report, pages, (4, CR4_PSE, at(pages, 0)));
}

/// The same by entries of 2 MiB, in three tables; the fourth has the window.
fn three_levels(report: &mut Report, pages: &SharedPages) {
    for pointer in 0..4 {
        pages.store_u32(pointer * 8, at(pages, 1 + pointer) | 1);
    }
    for slot in 0..(WINDOW >> 21) {
        pages.store_u32(4096 + slot as usize * 8, slot << 21 | RW | LARGE);
    }
    pages.store_u32(4 * 4096, at(pages, LEVEL1) | RW);
    changes(report, pages, (8, CR4_PAE, at(pages, 0)));
}

/// `bytes` of an entry, and what makes the tables those of the processor.
fn changes(report: &mut Report, pages: &SharedPages, (bytes, paging, root): (usize, u32, u32)) {
    for data in 0..4 {
        pages.store_u32((DATA + data) << 12, 100 + u32::try_from(data).unwrap_or(0));
    }
    let data = |number| at(pages, DATA + number);
    let slot = |slot: usize| (LEVEL1 << 12) + slot * bytes;
    let entry = |number| at(pages, LEVEL1) + u32::try_from(number * bytes).unwrap_or(0);
    let page = |number: u32| WINDOW + (number << 12);
    pages.store_u32(slot(0), data(0) | RW);
    // The table itself: its entries can be written through it.
    pages.store_u32(slot(1), at(pages, LEVEL1) | RW);
    let own = |number| page(1) + u32::try_from(number * bytes).unwrap_or(0);
    let mut list = [
        Do::read(page(0)),
        Do::write(entry(2), data(1) | RW),
        Do::read(page(2)),
        Do::write(entry(0), data(2) | RW),
        Do::invalidate(page(0)),
        Do::read(page(0)),
        Do::write(own(3), data(3) | RW),
        Do::read(page(3)),
        Do::write(own(3), data(1) | RW),
        Do::FLUSH,
        Do::read(page(3)),
        Do::write(page(2) + 4, 7),
        Do::read(data(1)),
        Do::END,
    ];
    run_protected(root, paging, &mut list);
    let read = [0, 2, 5, 7, 10, 12].map(|step: usize| list[step].value);
    report.expect("what was read", read, [100, 101, 102, 103, 101, 101]);
    report.expect("what was written", pages.load_u32(((DATA + 1) << 12) + 4), 7);
    let marks = [0, 1, 2, 3].map(|number| pages.load_u32(slot(number)) & (ACCESSED | DIRTY));
    let both = ACCESSED | DIRTY;
    report.expect("accessed and dirty", marks, [ACCESSED, both, both, ACCESSED]);
}
