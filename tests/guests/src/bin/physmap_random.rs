// SPDX-License-Identifier: MIT OR Apache-2.0
//! 3,000 random changes of what is behind 2 MiB of a PVH guest's physical address space, page by
//! page and all at once, against a model.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;

use minios::memory::SharedPages;
use test_guests::physmap::{move_frame, move_range, reservation};
use test_guests::random::Random;
use test_guests::{is_hv, minus};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::memory::MemoryOp;

test_report::guest!(run, only_pvh = "a PV guest has no such address space");

/// Order of 2 MiB.
const LARGE: u32 = 9;
const PAGES: usize = 1 << LARGE;
const STEPS: u32 = 3000;

async fn run(report: &mut Report) {
    let Ok(memory) = SharedPages::alloc(2 * PAGES) else {
        return report.error("4 MiB", "no memory");
    };
    long_range(report, &memory);
    let base = (memory.address() >> 12).next_multiple_of(PAGES);
    // Some pages will be gone, or others: nothing uses them any more.
    core::mem::forget(memory);
    let mut model = Model { base, pages: [None; PAGES], next: 0 };
    report.expect("2 MiB given back", model.decrease(0, LARGE), 1);
    report.expect("2 MiB at once", model.populate(0, LARGE), 1);
    report.check("2 MiB of fresh pages", (0..PAGES).all(|page| model.fresh(page)));
    let mut random = Random::new(4);
    for step in 0..STEPS {
        if !model.change(&mut random) {
            return report.error("random change", format!("step {step}"));
        }
    }
    report.check("what pages hold", (0..PAGES).all(|page| model.holds(page)));
    let missing = (0..PAGES).filter(|page| model.pages[*page].is_none());
    report.check("all there again", missing.clone().all(|page| model.populate(page, 0) == 1));
}

/// A range that takes the hypervisor more than one turn, away and back.
fn long_range(report: &mut Report, memory: &SharedPages) {
    const LENGTH: u16 = 600;
    const HOLE: u64 = 1 << 22;
    let pages = || (0u32..).take(LENGTH.into()).zip((0..).step_by(4096));
    pages().for_each(|(mark, offset)| memory.store_u32(offset, mark));
    let first = memory.address() as u64 >> 12;
    for (idx, gpfn) in [(first, HOLE), (HOLE, first)] {
        report.expect("600 pages", move_range(idx, gpfn, LENGTH, 0), 0);
    }
    let holds = pages().all(|(mark, offset)| memory.load_u32(offset) == mark);
    report.check("what 600 pages hold", holds);
}

/// What each page of 2 MiB holds, or that there is none.
struct Model {
    base: usize,
    pages: [Option<u32>; PAGES],
    next: u32,
}

impl Model {
    fn populate(&self, page: usize, order: u32) -> i64 {
        reservation(MemoryOp::PopulatePhysmap, self.gfn(page), order)
    }

    fn decrease(&self, page: usize, order: u32) -> i64 {
        reservation(MemoryOp::DecreaseReservation, self.gfn(page), order)
    }

    fn gfn(&self, page: usize) -> u64 {
        (self.base + page) as u64
    }

    fn word(&self, page: usize) -> *mut u32 {
        core::ptr::with_exposed_provenance_mut((self.base + page) << 12)
    }

    fn read(&self, page: usize) -> u32 {
        // SAFETY: the model says that there is memory, which is ours alone.
        unsafe { self.word(page).read_volatile() }
    }

    /// Marks a fresh page; whether it was empty, as it must be. (Xen gives a domain its own page
    /// back as it was.)
    fn fresh(&mut self, page: usize) -> bool {
        let is_empty = !is_hv() || self.read(page) == 0;
        self.next += 1;
        // SAFETY: as above.
        unsafe { self.word(page).write_volatile(self.next) };
        self.pages[page] = Some(self.next);
        is_empty
    }

    /// Whether the page, if there is one, holds its mark.
    fn holds(&self, page: usize) -> bool {
        self.pages[page].is_none_or(|mark| self.read(page) == mark)
    }

    /// Changes something; whether it went as it should.
    fn change(&mut self, random: &mut Random) -> bool {
        let mut below = |limit| usize::try_from(random.below(limit)).unwrap_or(0);
        let (page, other) = (below(PAGES as u64), below(PAGES as u64));
        match below(128) {
            0 => self.take_all(),
            1..40 => {
                let was = self.pages[page].take();
                self.decrease(page, 0) == i64::from(was.is_some())
            }
            40..80 if self.pages[page].is_none() => self.populate(page, 0) == 1 && self.fresh(page),
            80..110 if page != other => self.change_place(page, other),
            _ => self.holds(page),
        }
    }

    /// Gives all back, which goes up to the first hole, and gets 2 MiB if there was none.
    fn take_all(&mut self) -> bool {
        let hole = self.pages.iter().position(Option::is_none);
        let done = self.decrease(0, LARGE);
        self.pages[..hole.unwrap_or(PAGES)].fill(None);
        match hole {
            Some(_) => done == 0,
            None => {
                let back = self.populate(0, LARGE);
                done == 1 && back == 1 && (0..PAGES).all(|page| self.fresh(page))
            }
        }
    }

    fn change_place(&mut self, from: usize, to: usize) -> bool {
        let result = move_frame(self.gfn(from), self.gfn(to));
        match self.pages[from].take() {
            None => result == minus(Errno::Einval),
            mark => {
                self.pages[to] = mark;
                result == 0
            }
        }
    }
}
