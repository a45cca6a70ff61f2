// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PVH domain whose `maxmem` is more than its `memory`: all that it begins with can be used, and
//! what it asks for beyond, at places behind it, until it has given that back.
#![no_std]
#![no_main]

use alloc::vec::Vec;
use core::ops::Range;

use minios::memory::SharedPages;
use test_guests::hypercall::at_mut;
use test_guests::own_tables::{OwnTables, address};
use test_guests::page_entry::{RW, invalidate};
use test_guests::physmap::{op, populate};
use test_guests::{is_hv, poke, word};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::memory::{DomainArg, MemoryOp, MemoryReservation};

test_report::guest!(run, only_pvh = "a PV domain's new pages are anywhere: `memory_op`");

/// `memory` and `maxmem` of its cfg, in pages.
const MEMORY: u64 = 16 << 8;
const MAX_MEMORY: u64 = 24 << 8;
/// Pages that are allocated at once.
const CHUNK: usize = 16;
/// The page of [`OwnTables`] that is the table of level 1.
const LEVEL1: u64 = 2;

async fn run(report: &mut Report) {
    report.expect("its memory can be used", fill_memory() > MEMORY / 2, true);
    let Some(tables) = OwnTables::new(0) else { return report.error("tables", "no memory") };
    let before = pages(MemoryOp::CurrentReservation);
    // Xen's toolstack lets it grow later only.
    let room = pages(MemoryOp::MaximumReservation).abs_diff(before).min(MAX_MEMORY - MEMORY);
    report.check("room up to maxmem", room == MAX_MEMORY - MEMORY || !is_hv() && room > 0);
    let new_pages = || MEMORY..MEMORY + room;
    report.equal("grows", change(MemoryOp::PopulatePhysmap, new_pages()), room);
    let grown = pages(MemoryOp::CurrentReservation) - before;
    report.equal("by so many pages", grown.unsigned_abs(), room);
    new_pages().for_each(|gfn| with_page(&tables, gfn, |at| poke(at, gfn)));
    let kept = new_pages().all(|gfn| with_page(&tables, gfn, |at| word(at) == gfn));
    report.expect("each new page keeps what is written", kept, true);
    report.equal("shrinks", change(MemoryOp::DecreaseReservation, new_pages()), room);
    if is_hv() {
        // Xen keeps the pages for what it has still to populate.
        report.equal("to what it was", pages(MemoryOp::CurrentReservation) - before, 0);
        report.equal("and grows anew", populate(MAX_MEMORY - 1), 1);
        with_page(&tables, MAX_MEMORY - 1, |at| poke(at, 1));
    }
}

/// Writes to all memory that there is to be had, and gives it back; returns how many pages.
fn fill_memory() -> u64 {
    let chunks: Vec<SharedPages> = core::iter::from_fn(|| SharedPages::alloc(CHUNK).ok()).collect();
    chunks.iter().for_each(|chunk| chunk.fill(0, chunk.len(), 0x5a));
    (chunks.len() * CHUNK) as u64
}

/// A number of pages.
fn pages(which: MemoryOp) -> i64 {
    op(which, 0, &mut DomainArg { domid: DomId::SELF })
}

/// Gets or gives back pages in one call; how many were done.
fn change(which: MemoryOp, pages: Range<u64>) -> u64 {
    let mut list: Vec<u64> = pages.collect();
    let mut arg = MemoryReservation {
        extent_start: at_mut(list.as_mut_slice()),
        nr_extents: list.len() as u64,
        domid: DomId::SELF,
        ..Default::default()
    };
    u64::try_from(op(which, 0, &mut arg)).unwrap_or(0)
}

/// Maps a frame, and calls `f` with its address.
fn with_page<T>(tables: &OwnTables, gfn: u64, f: impl FnOnce(u64) -> T) -> T {
    let at = address(0, 0, 0);
    tables.set(LEVEL1, 0, gfn << 12 | RW);
    invalidate(at);
    f(at)
}

extern crate alloc;
