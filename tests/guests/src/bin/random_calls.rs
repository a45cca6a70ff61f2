// SPDX-License-Identifier: MIT OR Apache-2.0
//! Thousands of hypercalls with arguments by chance, most of them nearly right: whatever they do
//! to this guest, the hypervisor goes on and its books stay true. `seed=N calls=N` on the command
//! line repeat a run.
#![no_std]
#![no_main]

use minios::GuestType;
use minios::memory::SharedPages;
use test_guests::addresses::BAD;
use test_guests::hypercall::{at, call_number};
use test_guests::{is_hv, word};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::event_channel::EventChannelOp;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::MmuUpdate;
use xen_abi::multicall::MulticallEntry;
use xen_abi::physdev::PhysdevOp;
use xen_abi::sched::SchedOp;
use xen_abi::sysctl::SysctlCmd;
use xen_abi::vcpu::VcpuOp;

test_report::guest!(run);

/// Hypercalls that may be made; those that end a guest or take its handlers away are left out.
const CALLS: [Hypercall; 26] = [
    Hypercall::MmuUpdate,
    Hypercall::MmuUpdate,
    Hypercall::MmuextOp,
    Hypercall::MmuextOp,
    Hypercall::UpdateVaMapping,
    Hypercall::UpdateVaMapping,
    Hypercall::UpdateVaMappingOtherdomain,
    Hypercall::SetGdt,
    Hypercall::UpdateDescriptor,
    Hypercall::MemoryOp,
    Hypercall::MemoryOp,
    Hypercall::Multicall,
    Hypercall::SetTimerOp,
    Hypercall::XenVersion,
    Hypercall::GrantTableOp,
    Hypercall::GrantTableOp,
    Hypercall::VmAssist,
    Hypercall::VcpuOp,
    Hypercall::SetSegmentBase,
    Hypercall::SchedOp,
    Hypercall::EventChannelOp,
    Hypercall::EventChannelOp,
    Hypercall::PhysdevOp,
    Hypercall::Domctl,
    Hypercall::Sysctl,
    Hypercall::GetDebugreg,
];
/// Of domctl and of sysctl.
const INTERFACE_VERSION: u64 = 0x15;
/// Pages whose contents are made up.
const ARENA_PAGES: usize = 16;

struct Chance {
    state: u64,
    /// What pointers point into.
    arena: SharedPages,
    /// Where the window is: addresses at which something else may be mapped.
    window: u64,
    /// Frames of the arena, of the window, and of pages that nothing maps, to become page tables.
    frames: [[u64; ARENA_PAGES]; 3],
    /// The hypervisor is ours.
    on_hv: bool,
}

impl Chance {
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 32) % limit
    }

    fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    fn frame(&mut self) -> u64 {
        let kind = self.pick(&[0, 1, 2, 2, 2, 2, 2, 2]);
        let frames = self.frames[kind];
        self.pick(&frames)
    }

    fn address(&mut self) -> u64 {
        let offset = self.below((ARENA_PAGES * PAGE_SIZE) as u64);
        self.base() + if self.below(8) == 0 { offset } else { offset & !7 }
    }

    fn base(&self) -> u64 {
        self.arena.address() as u64
    }

    fn entry(&mut self) -> u64 {
        let flags = [0x61, 0x63, 0x65, 0x67, 0x21, 0x27, 0xe7, 0x167, 0, 1 << 63 | 0x67];
        self.frame() << 12 | self.pick(&flags)
    }

    /// A value that may mean something to somebody.
    fn value(&mut self) -> u64 {
        match self.below(12) {
            0 => 0,
            1 => self.below(4),
            2 => self.below(64),
            3 => self.frame(),
            4 => self.frame() << 12 | self.below(4096) & !7,
            5 | 6 => self.entry(),
            7 => self.address(),
            8 => self.pick(&[0x7ff0, 0x7ff1, 1, 2, 0x7fff]),
            9 => self.pick(&BAD).1,
            10 => u64::MAX >> self.below(64),
            _ => self.next(),
        }
    }

    fn write(&self, address: u64, words: &[u64]) {
        let offset = usize::try_from((address - self.base()) & !7).unwrap_or(0);
        let pairs = (offset..ARENA_PAGES * PAGE_SIZE).step_by(8).zip(words);
        pairs.for_each(|(offset, word)| self.arena.write(offset, &word.to_le_bytes()));
    }

    /// Requests of the two hypercalls on page tables.
    fn requests(&mut self, call: Hypercall, address: u64) {
        for number in 0..4 {
            if call == Hypercall::MmuUpdate {
                let slot = if self.below(2) == 0 { self.below(4) } else { self.below(512) };
                let kind = self.pick(&[0, 0, 0, 1, 2, 3]);
                let request = [self.frame() << 12 | slot << 3 | kind, self.entry()];
                self.write(address + number * 16, &request);
            } else {
                // Not 5: a new root would take this code away.
                let other = 6 + self.below(16);
                let command = self.pick(&[0, 1, 2, 3, 4, other, other]);
                let request = [command, self.frame(), self.frame()];
                self.write(address + number * 24, &request);
            }
        }
    }

    /// Writes made-up words to a part of the arena, at `address`.
    fn fill(&mut self, address: u64) {
        let words = 1 + self.below(24);
        let first = usize::try_from((address - self.base()) & !7).unwrap_or(0);
        for word in 0..usize::try_from(words).unwrap_or(0) {
            let offset = first + word * 8;
            if offset + 8 > ARENA_PAGES * PAGE_SIZE {
                return;
            }
            let halves = self.below(3) == 0;
            let value =
                if halves { self.value() << 32 | self.value() & 0xffff } else { self.value() };
            self.arena.write(offset, &value.to_le_bytes());
        }
    }
}

/// A call and its arguments. The first is most often a command, the second a pointer.
fn call_by(chance: &mut Chance) -> (Hypercall, [u64; 5]) {
    loop {
        let call = chance.pick(&CALLS);
        let pointer = chance.address();
        chance.fill(pointer);
        if matches!(call, Hypercall::MmuUpdate | Hypercall::MmuextOp) {
            chance.requests(call, pointer);
        }
        let (command, count) = (chance.below(40), chance.below(5));
        let mut args = match call {
            Hypercall::MmuUpdate | Hypercall::MmuextOp => [pointer, count, 0, 0x7ff0, 0],
            Hypercall::UpdateVaMapping | Hypercall::UpdateVaMappingOtherdomain => {
                let page = chance.below(ARENA_PAGES as u64) << 12;
                let address = chance.window + page;
                [address, chance.entry(), chance.below(6), 0x7ff0, 0]
            }
            Hypercall::VcpuOp => [command, chance.below(2), pointer, 0, 0],
            Hypercall::GrantTableOp => [command, pointer, count, 0, 0],
            Hypercall::Domctl | Hypercall::Sysctl => [pointer, 0, 0, 0, 0],
            Hypercall::SetGdt => [pointer, chance.below(600), 0, 0, 0],
            _ => [command, pointer, count, 0, 0],
        };
        if chance.below(6) == 0 {
            let which = chance.index(4);
            args[which] = chance.value();
        }
        if call == Hypercall::Domctl || call == Hypercall::Sysctl {
            let domain = chance.pick(&[1u64, 2, 0x7ff0, 55]);
            let command = chance.below(90);
            // A key on Xen's console, of which one reboots the machine.
            if call == Hypercall::Sysctl && command == u64::from(SysctlCmd::DebugKeys.raw()) {
                continue;
            }
            let head = [command | INTERFACE_VERSION << 32, domain];
            chance.write(pointer, &head);
        }
        if !ends_the_guest(chance, call, &args) {
            return (call, args);
        }
    }
}

fn ends_the_guest(chance: &Chance, call: Hypercall, args: &[u64; 5]) -> bool {
    let command = u32::try_from(args[0] & 0xffff_ffff).unwrap_or(0);
    match call {
        Hypercall::SchedOp => command != SchedOp::Yield.raw() && command < 8,
        Hypercall::VcpuOp => {
            command == VcpuOp::Down.raw() || command == VcpuOp::RegisterVcpuInfo.raw()
        }
        // The ports of the console and of xenstore.
        Hypercall::EventChannelOp => matches!(
            EventChannelOp::try_from(command),
            Ok(EventChannelOp::Close | EventChannelOp::Reset | EventChannelOp::Unmask)
        ),
        Hypercall::PhysdevOp if command == PhysdevOp::SetIopl.raw() => true,
        // Xen 4.17 itself ends by these, for a device without messages.
        Hypercall::PhysdevOp if !chance.on_hv => {
            [PhysdevOp::PrepareMsix, PhysdevOp::ReleaseMsix].map(PhysdevOp::raw).contains(&command)
        }
        // Only the window may be mapped anew.
        Hypercall::UpdateVaMapping | Hypercall::UpdateVaMappingOtherdomain => {
            let window = chance.window;
            !(window..window + (ARENA_PAGES * PAGE_SIZE) as u64).contains(&args[0])
                && args[0] < 1 << 47
        }
        _ => false,
    }
}

async fn run(report: &mut Report) {
    let number = |key, otherwise| {
        let text = minios::command_line_value(key);
        text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (seed, calls): (u64, u64) = (number("seed", 1), number("calls", 20_000));
    let pages = [(); 3].map(|()| SharedPages::alloc(ARENA_PAGES));
    let [Ok(arena), Ok(tables), Ok(window)] = pages else {
        return report.error("memory", "too little");
    };
    let frames = [&arena, &window, &tables];
    let frames = frames.map(|pages| core::array::from_fn(|page| pages.mfn(page).get()));
    for page in (0..ARENA_PAGES).map(|page| page * PAGE_SIZE) {
        let address = (tables.address() + page) as u64;
        call_number(Hypercall::UpdateVaMapping.raw(), [address, 0, 2, 0, 0]);
    }
    let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let window_at = window.address() as u64;
    let mut chance = Chance { state, arena, window: window_at, frames, on_hv: is_hv() };
    let mut good = 0u64;
    for _ in 0..calls {
        let (call, args) = call_by(&mut chance);
        let result = if call == Hypercall::Multicall {
            let entries = [(); 3].map(|()| {
                let (call, args) = call_by(&mut chance);
                let [a, b, c, d, e] = args;
                MulticallEntry { op: call.raw(), args: [a, b, c, d, e, 0], ..Default::default() }
            });
            call_number(call.raw(), [at(&entries), 3, 0, 0, 0])
        } else {
            call_number(call.raw(), args)
        };
        good += u64::from(result >= 0);
    }
    report.check("some calls succeed", good > calls / 50);
    report.figure("calls that succeeded", good);
    if minios::guest_type() == GuestType::Pv {
        restore_m2p(&chance.frames);
    }
    // What these pages are now, nobody else should get.
    core::mem::forget((tables, window));
    let audit = call_number(Hypercall::Audit.raw(), [0; 5]);
    // Only the first domain may ask, and only a hypervisor with assertions answers.
    let absent = [Errno::Eperm, Errno::Enosys].map(test_guests::minus);
    report.check("audit", audit == 0 || absent.contains(&audit));
}

/// Takes this guest's own lies in the M2P back, which the audit would find.
fn restore_m2p(frames: &[[u64; ARENA_PAGES]; 3]) {
    const MACHPHYS: u64 = 1;
    let info = minios::start_info();
    for pfn in 0..info.nr_pages {
        let frame = word(info.mfn_list.get() + pfn * 8);
        if frames.as_flattened().contains(&frame) {
            let request = MmuUpdate { ptr: frame << 12 | MACHPHYS, val: pfn };
            call_number(Hypercall::MmuUpdate.raw(), [at(&request), 1, 0, 0x7ff0, 0]);
        }
    }
}
