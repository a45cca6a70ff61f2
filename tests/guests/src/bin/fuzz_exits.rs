// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test by itself: exits by chance, for `cargo xtask test --kind fuzz`. Instructions that leave
//! the guest, with any operands; bytes that may be instructions, in 16-, 32- and 64-bit mode; memory
//! that is not there; at last any state without paging, which ends the guest. `seed=N` on the command
//! line decides everything, `count=N` says how many attempts.
#![no_std]
#![no_main]

use minios::memory::SharedPages;
use test_guests::attempt::instructions::{INSTRUCTIONS, Operands};
use test_guests::attempt::{self, Frame, selector};
use test_guests::control::{cr0, cr4};
use test_guests::page_entry::root;
use test_guests::random::Random;
use test_guests::{apic, fuzz, poke};
use test_report::Report;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hypercall::Hypercall;

test_report::guest!(run, only_pvh = "exits are a PVH guest's");

const PAGE: u64 = PAGE_SIZE as u64;
/// Pages of our own, by number: code, stack, tables of the window, and contents by chance.
const PAGES: u64 = 16;
const STACK: u64 = 1;
const TABLES: [u64; 3] = [2, 3, 4];
const CONTENTS: u64 = 5;
/// Addresses that lead anywhere.
const WINDOW: u64 = 100 << 39;
const TRAP: u64 = 1 << 8;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;
/// With interrupts off it ends the guest, and it is a byte that comes by chance.
const HLT: u8 = 0xf4;
const FLAGS: [u64; 8] = [2, 2, 2, 2, 0x202, 0x402, 0x1_0002, 0x4_3002];

struct Fuzz {
    random: Random,
    pages: SharedPages,
}

async fn run(report: &mut Report) {
    let Ok(pages) = SharedPages::alloc(16) else { return report.error("pages", "no memory") };
    let mut fuzz = Fuzz { random: fuzz::random(), pages };
    fuzz.prepare();
    fuzz::run(report, || fuzz.attempt());
    fuzz.last();
}

impl Fuzz {
    fn page(&self, number: u64) -> u64 {
        self.pages.address() as u64 + number * PAGE
    }

    /// Makes the gates, lets our pages be executed, and puts the window's tables into the top table.
    fn prepare(&mut self) {
        const TABLE: u64 = 7;
        attempt::init();
        // Without, their accesses are page faults.
        let _ = apic::map();
        fuzz::make_executable(&self.pages);
        let [top, middle, low] = TABLES.map(|number| self.page(number));
        poke(root() + (WINDOW >> 39) * 8, top | TABLE);
        poke(top, middle | TABLE);
        poke(middle, low | TABLE);
        for slot in 0..512 {
            let entry = self.entry();
            poke(low + slot * 8, entry);
        }
    }

    /// An entry of a page table: what is there of ours, and much that is not there.
    fn entry(&mut self) -> u64 {
        const DEVICES: [u64; 8] =
            [0xfee00, 0xfec00, 0xfed00, 0xfeff8, 0xfeffc, 0xfefff, 0xa0, 0xff_ffff];
        let own = 3 + self.random.below(PAGES - 3);
        let frame = match self.random.below(6) {
            0 => self.page(CONTENTS.max(own)) / PAGE,
            1 => self.random.of(DEVICES),
            2 => self.random.below(1 << 20) | 1 << 16,
            3 => self.random.below(1 << 28) | 1 << 20,
            _ => self.random.below(1 << 40) | 1 << 24,
        };
        frame << 12 | self.random.of([7, 7, 7, 7, 3, 5, 0x17, 0x87, 0x1e7, 0])
    }

    /// An address that may mean something.
    fn address(&mut self) -> u64 {
        let offset = self.random.below(PAGE);
        let offset = if self.random.below(3) == 0 { offset } else { offset & !7 };
        let contents = CONTENTS + self.random.below(PAGES - CONTENTS);
        let contents = self.page(contents);
        match self.random.below(8) {
            0 => self.random.any(),
            1 => 0x7fff_ffff_f000 + offset,
            2 | 3 => contents + offset,
            _ => WINDOW + self.random.below(512) * PAGE + offset,
        }
    }

    fn value(&mut self) -> u64 {
        match self.random.below(6) {
            0 => self.random.below(64),
            1 => self.random.of([0, 1, u64::MAX, 0x7ff0, 1 << 31, 1 << 47, 0xfff]),
            2 => 1 << self.random.below(64),
            3 => self.address(),
            4 => self.page(CONTENTS) / PAGE + self.random.below(PAGES - CONTENTS),
            _ => self.random.any(),
        }
    }

    /// Does something; at least how many exits that were.
    fn attempt(&mut self) -> u64 {
        if self.random.below(4) == 0 {
            self.change_window();
        }
        if self.random.below(5) == 0 { self.any_bytes() } else { self.instruction() }
    }

    /// Changes entries of the window's tables, of the upper ones rarely.
    fn change_window(&mut self) {
        let [_, middle, low] = TABLES.map(|number| self.page(number));
        for _ in 0..8 {
            let slot = self.random.below(512);
            let entry = self.entry();
            poke(low + slot * 8, entry);
        }
        let entry = self.entry();
        let entry = if self.random.below(4) == 0 { entry } else { low | 7 };
        poke(middle, entry);
        let number = CONTENTS + self.random.below(PAGES - CONTENTS);
        let at = self.page(number) + (self.random.below(PAGE) & !7);
        let value = self.value();
        poke(at, value);
    }

    fn registers(&mut self) -> [u64; 16] {
        core::array::from_fn(|_| self.value())
    }

    /// One instruction of the list, in rings 0 and 3.
    fn instruction(&mut self) -> u64 {
        let (operands, bytes, tail) = self.random.of(INSTRUCTIONS);
        let mut registers = self.registers();
        self.operands(operands, &mut registers);
        let prefix = self.random.of([0x90, 0x90, 0x90, 0x66, 0x2e, 0xf2, 0x48, 0xf3]);
        let last = if tail { self.random.below(256) } else { 0x0f };
        let code = [[prefix].as_slice(), bytes, &[low_byte(last), 0x0b, 0x0f, 0x0b]].concat();
        let mode = match (self.random.below(16), operands) {
            (0, _) => selector::USER_CODE,
            // Another register there, by which long mode would end.
            (_, Operands::Control(_)) => selector::CODE,
            (1, _) => selector::CODE32,
            (2, _) => selector::CODE16,
            _ => selector::CODE,
        };
        let flags = self.random.of(FLAGS);
        // Whoever goes elsewhere stops soon, wherever that is.
        let traps = operands == Operands::Target || self.random.below(16) == 0;
        self.run(&code, &registers, mode, if traps { flags | TRAP } else { flags });
        if operands == Operands::Breakpoint {
            // No breakpoints are left, even if the registers are guarded: that ends with the #DB.
            self.run(&[0x0f, 0x23, 0xf8, 0x0f, 0x0b], &[0x400; 16], selector::CODE, 2);
        }
        1
    }

    fn operands(&mut self, operands: Operands, registers: &mut [u64; 16]) {
        match operands {
            Operands::Any => {}
            Operands::Register => registers[1] = self.model_specific(),
            Operands::Port => {
                registers[1] = self.random.of([0, 1, 7, 100, 1000, 5000]);
                registers[2] = self.random.below(1 << 16);
                registers[6] = self.address();
                registers[7] = self.address();
            }
            Operands::Control(number) => {
                let (now, bits) = match number {
                    0 => (cr0(), 32),
                    4 => (cr4(), 32),
                    _ => (0, 5),
                };
                registers[0] = now ^ 1 << self.random.below(bits);
                // With these even the handlers of faults are one, without an end.
                if number == 4 && self.random.below(256) != 0 {
                    registers[0] &= !(CR4_SMEP | CR4_SMAP);
                }
            }
            Operands::Breakpoint => registers[0] = self.value(),
            Operands::Call => self.call(registers),
            Operands::Memory | Operands::Target => {
                [0, 6, 7].iter().for_each(|to| registers[*to] = self.address());
                registers[1] = self.random.of([0, 1, 7, 100, 600]);
            }
            Operands::LocalApic => {
                let register = self.random.below(0x40) << 4;
                let odd = if self.random.below(8) == 0 { self.random.below(16) } else { 0 };
                registers[7] = apic::PAGE + register + odd;
                registers[0] = if self.random.below(4) == 0 { registers[7] } else { registers[0] };
            }
        }
    }

    fn model_specific(&mut self) -> u64 {
        let near = self.random.below(0x40);
        let base = self.random.of([
            0,
            0x170,
            0x1a0,
            0x200,
            0x250,
            0x277,
            0x2ff,
            0x480,
            0x6e0,
            0x800,
            0xc80,
            0xda0,
            0x4000_0000,
            0xc000_0080,
            0xc000_0100,
            0xc001_0000,
            0xc001_0100,
        ]);
        if self.random.below(8) == 0 { self.random.any() & 0xffff_ffff } else { base + near }
    }

    /// A hypercall, but for those that end the guest or its console.
    fn call(&mut self, registers: &mut [u64; 16]) {
        const RDI: usize = 7;
        registers[0] = self.random.below(64);
        registers[RDI] = self.random.below(40);
        registers[6] = self.address();
        registers[2] = self.random.below(5);
        let ends = [Hypercall::SchedOp, Hypercall::VcpuOp, Hypercall::EventChannelOp];
        if ends.iter().any(|call| call.raw() == registers[0]) {
            registers[RDI] = self.random.of([0, 1, 4, 6, 7, 40]);
        }
        if registers[0] == Hypercall::SchedOp.raw() {
            registers[RDI] = 0;
        }
    }

    /// Bytes that may be instructions, each step of which leaves the guest.
    fn any_bytes(&mut self) -> u64 {
        const STEPS: i64 = 24;
        let words = [self.random.any(), self.random.any(), self.random.any()];
        let mut code: [u8; 24] = core::array::from_fn(|at| words[at / 8].to_le_bytes()[at % 8]);
        if self.random.below(64) != 0 {
            code.iter_mut().filter(|byte| **byte == HLT).for_each(|byte| *byte = 0x90);
        }
        let registers = self.registers();
        let mode = [selector::CODE, selector::CODE, selector::CODE32, selector::CODE16];
        let mode = self.random.of(mode);
        let flags = self.random.of(FLAGS) | TRAP;
        self.write_code(&code);
        let frame = self.frame(mode, flags);
        attempt::run(&registers, &frame, STEPS)
    }

    fn write_code(&self, code: &[u8]) {
        self.pages.fill(0, PAGE_SIZE, 0x90);
        self.pages.write(0, code);
    }

    fn frame(&mut self, cs: u64, rflags: u64) -> Frame {
        let user = cs == selector::USER_CODE;
        let ss = if user { selector::USER_DATA } else { selector::DATA };
        let somewhere = self.random.below(8) == 0;
        let rsp = if somewhere { self.address() } else { self.page(STACK) + PAGE / 2 };
        Frame { rip: self.page(0), cs, rflags, rsp, ss }
    }

    fn run(&mut self, code: &[u8], registers: &[u64; 16], cs: u64, flags: u64) {
        self.write_code(code);
        let frame = self.frame(cs, flags);
        attempt::run(registers, &frame, 4);
    }

    /// Fills `code` with instructions of the list, one behind the other.
    fn instructions(&mut self, code: &mut [u8]) {
        let mut at = 0;
        loop {
            let (_, bytes, tail) = self.random.of(INSTRUCTIONS);
            let Some(place) = code.get_mut(at..at + bytes.len()) else { return };
            place.copy_from_slice(bytes);
            at += bytes.len() + usize::from(tail);
        }
    }

    /// Out of long mode, with any control registers that the processor takes.
    fn last(&mut self) -> ! {
        let words = [self.random.any(), self.random.any()];
        let mut code: [u8; 64] = core::array::from_fn(|at| words[at / 8 % 2].to_le_bytes()[at % 8]);
        match self.random.below(6) {
            // A far jump to a task.
            0 => code[..7].copy_from_slice(&[0xea, 0, 0, 0, 0, low_byte(selector::TASK), 0]),
            1 => code[0] = low_byte(self.random.of([0xf4, 0xcc, 0x0f, 0xcf, 0xfb, 0x6c])),
            2..4 => self.instructions(&mut code),
            _ => {}
        }
        self.write_code(&code);
        let bits = [32, 22, 16].map(|bits| 1 << self.random.below(bits));
        let cr0 = 0x11 ^ self.random.of([0, 0, 1, 1, 1 << 31, bits[0]]);
        let cr4 = self.random.of([0, 0x20, 0x620, bits[1]]);
        let efer = self.random.of([0, 0x100, 0x900, 1, bits[2]]);
        attempt::run_legacy(self.page(0), [cr0, cr4, efer])
    }
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}
