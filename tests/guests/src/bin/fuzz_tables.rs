// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test by itself: page tables by chance, for `cargo xtask test --kind fuzz`, where a hypervisor
//! keeps a shadow of them. Any page is a table of any level and data at once; entries name tables,
//! data, devices and what is not there, with any flags; they are changed while they are in use, and
//! so is the memory behind them. `seed=N` on the command line decides everything.
#![no_std]
#![no_main]

use core::arch::asm;

use minios::memory::SharedPages;
use test_guests::attempt::{self, Frame, selector};
use test_guests::page_entry::{flush, invalidate, root};
use test_guests::protected_mode::{self, CR4_PAE, CR4_PSE, Do};
use test_guests::random::Random;
use test_guests::{fuzz, physmap, poke, provoke, traps, word};
use test_report::Report;
use xen_abi::domain::DomId;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::memory::{MemoryOp, PhysmapSpace, RemoveFromPhysmap};
use xen_abi::trap::{TrapFlags, VECTOR_GP, VECTOR_PF};

test_report::guest!(run, only_pvh = "a PVH guest writes its page tables itself");

const PAGE: u64 = PAGE_SIZE as u64;
/// Pages by number: those that are tables more often than others, and data.
const TABLES: u64 = 24;
const POOL: u64 = 40;
/// Two roots of our own, code and a stack for user mode, and tables for protected mode: a root, and
/// those of the first 18 MiB, which stay.
const ROOTS: u64 = POOL;
const CODE: u64 = POOL + 2;
const STACK: u64 = POOL + 3;
const SHORT_ROOT: u64 = POOL + 4;
const SHORT_TABLES: u64 = POOL + 5;
const SHORT_COUNT: u64 = 5;
const PAE_MIDDLE: u64 = SHORT_TABLES + SHORT_COUNT;
const PAE_TABLES: u64 = PAE_MIDDLE + 1;
const PAE_COUNT: u64 = 9;
const PAGES: u64 = PAE_TABLES + PAE_COUNT;
/// The first of the entries of the top table that are ours, and how many.
const FIRST: u64 = 100;
const SLOTS: u64 = 5;
const PRESENT: u64 = 1;
const RW: u64 = 3;
const LARGE: u64 = 1 << 7;
const WP: u64 = 1 << 16;
const PGE: u64 = 1 << 7;

struct Tables {
    random: Random,
    pages: SharedPages,
}

async fn run(report: &mut Report) {
    let pages = usize::try_from(PAGES).ok().and_then(|pages| SharedPages::alloc(pages).ok());
    let Some(pages) = pages else { return report.error("pages", "no memory") };
    let mut tables = Tables { random: fuzz::random(), pages };
    tables.prepare();
    fuzz::run(report, || tables.attempt());
    // Nobody knows what is where.
    core::mem::forget(tables);
}

impl Tables {
    fn page(&self, number: u64) -> u64 {
        self.pages.address() as u64 + number * PAGE
    }

    /// One of the first `count` pages.
    fn any_page(&mut self, count: u64) -> u64 {
        let number = self.random.below(count);
        self.page(number)
    }

    fn own_root(&mut self) -> u64 {
        let number = ROOTS + self.random.below(2);
        self.page(number)
    }

    fn prepare(&mut self) {
        traps::record(VECTOR_PF, TrapFlags::empty());
        traps::record(VECTOR_GP, TrapFlags::empty());
        attempt::init();
        fuzz::make_executable(&self.pages);
        let first = word(root());
        [0, 1].iter().for_each(|number| poke(self.page(ROOTS + number), first));
        for slot in 0..SHORT_COUNT * 1024 {
            self.pages
                .store_u32(offset(SHORT_TABLES) + low(slot) as usize * 4, low(slot << 12 | RW));
        }
        for slot in 0..SHORT_COUNT {
            let at = offset(SHORT_ROOT) + low(slot) as usize * 4;
            self.pages.store_u32(at, low(self.page(SHORT_TABLES + slot) | RW));
        }
        for slot in 0..PAE_COUNT * 512 {
            poke(self.page(PAE_TABLES) + slot * 8, slot << 12 | RW);
        }
        for slot in 0..PAE_COUNT {
            poke(self.page(PAE_MIDDLE) + slot * 8, self.page(PAE_TABLES + slot) | RW);
        }
        // Behind all that two levels use.
        poke(self.page(SHORT_ROOT) + PAGE - 32, self.page(PAE_MIDDLE) | PRESENT);
        for _ in 0..400 {
            self.change();
        }
    }

    /// Does something; at least how many exits that were.
    fn attempt(&mut self) -> u64 {
        match self.random.below(40) {
            0..14 => (0..4).map(|_| self.change()).sum(),
            14..26 => (0..4).map(|_| self.access()).sum(),
            26..28 => self.execute(),
            28..32 => self.invalidate(),
            32 => self.switch(),
            33 => self.toggle(),
            34 | 35 => self.memory(),
            36 => self.top(),
            _ => self.protected(),
        }
    }

    /// An entry of a table, by any of its meanings.
    fn entry(&mut self) -> u64 {
        const DEVICES: [u64; 6] = [0xfee00, 0xfec00, 0xfeff8, 0xfeffc, 0xa0, 0xfffff];
        const FLAGS: [u64; 16] =
            [7, 7, 7, 7, 7, 3, 5, 1, 0x27, 0x67, 0x87, 0x87, 0xe7, 0x83, 0x107, 0];
        let flags = self.random.of(FLAGS);
        let flags = if self.random.below(8) == 0 { flags | 1 << 63 } else { flags };
        let own = self.page(0) / PAGE;
        let frame = match self.random.below(32) {
            0..16 => own + self.random.below(TABLES),
            16..26 => own + self.random.below(POOL),
            26 => self.random.of(DEVICES),
            27 => self.random.below(1 << 12) | 0x1100,
            28 => 1 << self.random.below(40),
            29 => self.random.below(1 << 40),
            _ => own,
        };
        if flags & LARGE != 0 && self.random.below(4) != 0 {
            let bytes = self.random.of([1 << 21, 1 << 21, 1 << 30]);
            return (frame << 12) & !(bytes - 1) | flags;
        }
        frame << 12 | flags
    }

    fn slot(&mut self) -> u64 {
        self.random.of([0, 1, 2, 3, 511, 510, self.page(0) >> 21 & 511, self.page(0) >> 12 & 511])
    }

    /// An address below our entries of the top table, or below that table itself.
    fn address(&mut self) -> u64 {
        let top = match self.random.below(16) {
            0 => 511,
            1 => self.random.below(512),
            _ => FIRST + self.random.below(SLOTS),
        };
        let [third, second, first] = [(); 3].map(|()| self.slot());
        let word = self.random.below(512) << 3;
        let below = third << 30 | second << 21 | first << 12 | word;
        // Where a large page shows our pages.
        let own = self.any_page(POOL) + word;
        let below = match self.random.below(4) {
            0 => below & !0x3fff_ffff | own & 0x3fff_ffff,
            1 => below & !0x1f_ffff | own & 0x1f_ffff,
            _ => below,
        };
        if top > 255 { 0xffff << 48 | top << 39 | below } else { top << 39 | below }
    }

    /// Writes an entry where it is.
    fn change(&mut self) -> u64 {
        let at = self.any_page(TABLES) + self.slot() * 8;
        let entry = self.entry();
        poke(at, entry);
        0
    }

    /// A read, a write that changes nothing, or one that does, by the tables.
    fn access(&mut self) -> u64 {
        let (at, value) = (self.address(), self.entry());
        let what = self.random.below(8);
        let is_ours = (at & 0x3fff_ffff).wrapping_sub(self.page(0)) < POOL * PAGE;
        traps::faults(|| match what {
            0..4 => provoke!("mov rax, [{at}]"; at = in(reg) at, out("rax") _),
            // Whatever else is in a large page stays as it is.
            _ if what < 6 || !is_ours => {
                provoke!("lock or qword ptr [{at}], 0"; at = in(reg) at);
            }
            _ => provoke!("mov [{at}], {value}"; at = in(reg) at, value = in(reg) value),
        })
    }

    /// An instruction anywhere, or in user mode one that accesses anything.
    fn execute(&mut self) -> u64 {
        const TRAP: u64 = 1 << 8;
        let at = self.address();
        let code = self.random.of([[0x48, 0x8b, 0x07], [0x48, 0x09, 0x07], [0xff, 0xe7, 0x90]]);
        self.pages.write(offset(CODE), &code);
        let user = self.random.below(2) == 0;
        let (cs, ss) = if user {
            (selector::USER_CODE, selector::USER_DATA)
        } else {
            (selector::CODE, selector::DATA)
        };
        let rip = if self.random.below(2) == 0 { at } else { self.page(CODE) };
        let mut registers = [0; 16];
        registers[7] = at;
        let frame = Frame { rip, cs, rflags: 2 | TRAP, rsp: self.page(STACK) + PAGE / 2, ss };
        1 + attempt::run(&registers, &frame, 2)
    }

    fn invalidate(&mut self) -> u64 {
        let at = self.address();
        if self.random.below(4) == 0 {
            flush();
        } else {
            invalidate(at);
        }
        1
    }

    /// Other tables for a while.
    fn switch(&mut self) -> u64 {
        let (before, other) = (root(), self.own_root());
        load_root(other);
        let exits: u64 = (0..8).map(|_| self.access() + self.change()).sum();
        load_root(before);
        exits + 2
    }

    /// Bits that say what entries mean, for a while.
    fn toggle(&mut self) -> u64 {
        let cr4 = self.random.below(2) == 0;
        toggle(cr4);
        let exits: u64 = (0..4).map(|_| self.access() + self.change()).sum();
        toggle(cr4);
        exits + 2
    }

    /// Takes a page out of memory for a while, or puts something else there.
    fn memory(&mut self) -> u64 {
        let gfn = self.any_page(POOL) / PAGE;
        let taken = match self.random.below(4) {
            0 => physmap::add(PhysmapSpace::GrantTable, 0, gfn) == 0,
            1 => {
                let other = self.any_page(POOL) / PAGE;
                other != gfn && physmap::move_frame(other, gfn) == 0 && {
                    physmap::populate(other);
                    false
                }
            }
            _ => physmap::decrease(gfn) == 1,
        };
        let exits: u64 = (0..4).map(|_| self.access()).sum();
        if taken {
            let mut arg = RemoveFromPhysmap { domid: DomId::SELF, gpfn: gfn, ..Default::default() };
            physmap::op(MemoryOp::RemoveFromPhysmap, 0, &mut arg);
            physmap::populate(gfn);
        }
        exits + 2
    }

    /// An entry of a top table.
    fn top(&mut self) -> u64 {
        let slot = FIRST + self.random.below(SLOTS);
        let entry = self.entry();
        let table = self.random.of([root(), root(), self.page(ROOTS), self.page(ROOTS + 1)]);
        let entry = if self.random.below(4) == 0 { table | RW } else { entry };
        poke(table + slot * 8, entry);
        if table != root() {
            poke(table + 511 * 8, table | RW);
        }
        0
    }

    /// The same pages as tables of two and of three levels.
    fn protected(&mut self) -> u64 {
        const STEPS: usize = 24;
        let [number, short, pointer] =
            [64 + self.random.below(4), low(self.entry()).into(), 1 + self.random.below(3)];
        self.pages.store_u32(offset(SHORT_ROOT) + low(number) as usize * 4, low(short));
        let entry = self.entry();
        let entry = if self.random.below(4) == 0 { entry } else { entry & !0xfff | PRESENT };
        poke(self.page(SHORT_ROOT) + PAGE - 32 + pointer * 8, entry);
        let mut list = [Do::END; STEPS];
        for step in &mut list[..STEPS - 1] {
            *step = self.step();
        }
        let root = self.page(SHORT_ROOT) + PAGE - 32;
        protected_mode::run(low(root), self.random.of([CR4_PAE, CR4_PSE, 0]), &mut list);
        list.iter().filter(|step| step.faulted()).count() as u64 + 4
    }

    fn step(&mut self) -> Do {
        const SMEP: u32 = 1 << 20;
        const NXE: u32 = 1 << 11;
        let [second, first] = [(); 2].map(|()| self.slot());
        let word = self.random.below(1024) << 2;
        let short = (64 + self.random.below(4)) << 22 | self.random.below(4) << 12;
        let long = (1 + self.random.below(3)) << 30 | second << 21 | first << 12;
        let own = self.any_page(POOL) & 0x3f_f000;
        let mixed = self.random.of([short, long, long & !0x1f_ffff | own & 0x1f_ffff]);
        let at = low(mixed | word);
        let table = self.any_page(TABLES) + self.slot() * 8;
        let entry = self.entry();
        match self.random.below(24) {
            0..8 => Do::read(at),
            8..12 => Do::touch(at),
            12..17 => Do::write(low(table), low(entry)),
            17 | 18 => Do::invalidate(at),
            19 => Do::FLUSH,
            20 => Do::cr0(low(WP)),
            21 => Do::cr4(self.random.of([CR4_PAE, CR4_PSE, low(PGE), SMEP])),
            22 => Do::efer(NXE),
            _ => Do::root(low(self.page(SHORT_ROOT) + PAGE - 32)),
        }
    }
}

/// The lower half.
fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}

/// Where a page is among the pages.
fn offset(number: u64) -> usize {
    usize::try_from(number).unwrap_or(0) * PAGE_SIZE
}

fn load_root(root: u64) {
    // SAFETY: what is in use is the same in all of them.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack)) };
}

/// Inverts CR4.PGE, or CR0.WP.
fn toggle(cr4: bool) {
    if cr4 {
        // SAFETY: no entry that is in use is global.
        unsafe {
            asm!("mov {r}, cr4", "xor {r}, {b}", "mov cr4, {r}", r = out(reg) _, b = in(reg) PGE)
        };
    } else {
        // SAFETY: nothing of minios's is written that is read-only.
        unsafe {
            asm!("mov {r}, cr0", "xor {r}, {b}", "mov cr0, {r}", r = out(reg) _, b = in(reg) WP)
        };
    }
}
