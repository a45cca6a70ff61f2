// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest that tries at random what can be tried with page tables: pins, entries, user roots,
//! descriptor tables, whole pages. Whatever succeeds, a frame is never a table and writable at
//! once, and afterwards every frame is an ordinary one again. The hypervisor's audit, in builds
//! that have it, agrees.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::hypercall::{at, call};
use test_guests::random::Random;
use test_guests::word;
use test_report::Report;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{M2P_VIRT_START, MmuUpdate, MmuextCmd, MmuextOp, UVMF_INVLPG};

test_report::guest!(run, only_pv = "a PVH guest writes its page tables itself");

const SELF: u64 = 0x7ff0;
const IO: u64 = 0x7ff1;
const PAGES: u64 = 24;
const STEPS: u64 = 20_000;
const READ_ONLY: u64 = 5;
const WRITABLE: u64 = 7;

struct Guest {
    pages: SharedPages,
    /// The pfn of the first page; the others follow it.
    first_pfn: u64,
    random: Random,
}

fn extended(cmd: MmuextCmd, arg1: u64, arg2: u64) -> i64 {
    let op = MmuextOp::new(cmd, arg1, arg2);
    call(Hypercall::MmuextOp, [at(&op), 1, 0, SELF, 0])
}

impl Guest {
    fn mfn(&self, page: u64) -> u64 {
        self.pages.mfn(usize::try_from(page).unwrap_or(0)).get()
    }

    /// Maps a page of ours where it was.
    fn map(&self, page: u64, flags: u64) -> i64 {
        let va = self.pages.address() as u64 + page * 4096;
        call(Hypercall::UpdateVaMapping, [va, self.mfn(page) << 12 | flags, UVMF_INVLPG, 0, 0])
    }

    /// A frame for an entry: mostly one of ours.
    fn target(&mut self) -> u64 {
        match self.random.below(16) {
            0 => self.random.of([0, 0x200, 0xfec00, 0xfee00, 0xff_ffff_ffff, 1 << 36]),
            1 => self.random.below(1 << 40),
            _ => {
                let page = self.random.below(PAGES);
                self.mfn(page)
            }
        }
    }

    fn slot(&mut self) -> u64 {
        let near = self.random.below(4);
        let reserved = 256 + self.random.below(20);
        let any = self.random.below(512);
        self.random.of([near, near, reserved, any])
    }

    /// One attempt. `Err` names what went wrong for the hypervisor.
    fn step(&mut self) -> Result<(), &'static str> {
        let page = self.random.below(PAGES);
        let (mfn, slot, target) = (self.mfn(page), self.slot(), self.target());
        let flags =
            self.random.of([WRITABLE, WRITABLE, WRITABLE, READ_ONLY, 3, 1, 0x87, 0x17, 0x107, 0]);
        match self.random.below(10) {
            0..3 => {
                let ptr = mfn << 12 | slot << 3 | self.random.of([0, 0, 0, 1, 2, 3]);
                let request = MmuUpdate { ptr, val: target << 12 | flags };
                let owner = self.random.of([SELF, SELF, SELF, IO, 0x7000]);
                call(Hypercall::MmuUpdate, [at(&request), 1, 0, owner, 0]);
            }
            3 => {
                let how = self.random.of([READ_ONLY, WRITABLE]);
                self.map(page, how);
            }
            4 => return self.pin(page),
            5 => {
                extended(MmuextCmd::UnpinTable, mfn, 0);
            }
            6 => {
                let root = self.random.of([0, mfn, mfn]);
                extended(MmuextCmd::NewUserBaseptr, root, 0);
            }
            7 => {
                let frames = [mfn, target];
                let entries = self.random.below(1100);
                call(Hypercall::SetGdt, [at(&frames), entries, 0, 0, 0]);
            }
            8 => {
                let descriptor = self.random.below(1 << 40) << 16;
                let place = mfn << 12 | slot << 3;
                call(Hypercall::UpdateDescriptor, [place, descriptor, 0, 0, 0]);
            }
            _ => {
                extended(MmuextCmd::CopyPage, mfn, target);
            }
        }
        Ok(())
    }

    /// Pins a page as a table, and says if it is writable all the same.
    fn pin(&mut self, page: u64) -> Result<(), &'static str> {
        let level = self.random.of([0, 1, 2, 3]);
        let cmd = u32::try_from(level).ok().and_then(|level| MmuextCmd::try_from(level).ok());
        let pinned = cmd.is_some_and(|cmd| extended(cmd, self.mfn(page), 0) == 0);
        if pinned && self.map(page, WRITABLE) == 0 { Err("a writable table") } else { Ok(()) }
    }

    /// Undoes everything; the number of pages that are still not ordinary ones.
    fn clean(&self) -> usize {
        extended(MmuextCmd::NewUserBaseptr, 0, 0);
        call(Hypercall::SetGdt, [0; 5]);
        for page in 0..PAGES {
            extended(MmuextCmd::UnpinTable, self.mfn(page), 0);
            let val = self.first_pfn + page;
            let m2p = MmuUpdate { ptr: self.mfn(page) << 12 | 1, val };
            call(Hypercall::MmuUpdate, [at(&m2p), 1, 0, SELF, 0]);
        }
        (0..PAGES).filter(|page| self.map(*page, WRITABLE) != 0).count()
    }
}

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(24) else { return report.error("pages", "no memory") };
    let first_pfn = word(M2P_VIRT_START + pages.mfn(0).get() * 8);
    let mut guest = Guest { pages, first_pfn, random: Random::new(88_172_645_463_325_252) };
    for page in 0..PAGES {
        guest.map(page, READ_ONLY);
    }
    let result = (0..STEPS).try_for_each(|_| guest.step());
    report.check(result.err().unwrap_or("no table is writable"), result.is_ok());
    report.check("all pages are writable again", guest.clean() == 0);
    // Only the first domain may ask, and only a build that has it answers.
    report.check("the audit agrees", call(Hypercall::Audit, [0; 5]) <= 0);
}
