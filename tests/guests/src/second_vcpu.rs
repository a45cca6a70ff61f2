// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second vCPU of a PVH guest: its way into long mode, and what it does there on demand.
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use xen_abi::hvm_vcpu::{VcpuHvm64, VcpuHvmContext, VcpuHvmMode};
use xen_abi::hypercall::Hypercall;
use xen_abi::vcpu::VcpuOp;

use crate::apic::{Apic, BASE, ENABLED, EXTENDED, msr, register};
use crate::descriptor_table::TablePointer;
use crate::hypercall::call3;
use crate::msr::{existing, set_existing};
use crate::{interrupts, page_entry};

global_asm!(
    include_str!("second_vcpu.S"),
    gdt = sym GDT,
    idt = sym IDT,
    stack = sym STACK_END,
    main = sym main,
    entry = const ENTRY,
);

unsafe extern "C" {
    fn guest_second_long() -> !;
    #[link_name = "guest_second_real"]
    static REAL: u8;
    #[link_name = "guest_second_words"]
    static WORDS: u8;
    #[link_name = "guest_second_real_end"]
    static REAL_END: u8;
}

static GDT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static IDT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static STACK: [AtomicU64; 2048] = [const { AtomicU64::new(0) }; 2048];
static STACK_END: AtomicU64 = AtomicU64::new(0);

/// How often it has begun.
pub static BEGUN: AtomicU64 = AtomicU64::new(0);
/// How often it has carried out a [`Wish`].
pub static DONE: AtomicU64 = AtomicU64::new(0);
static WISH: AtomicU32 = AtomicU32::new(0);
/// What it found of itself: `IA32_APIC_BASE`, the number and the logical number of its local APIC.
pub static FOUND: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// What it can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Wish {
    /// An interrupt for the first vCPU, with vector [`ANSWER`].
    Answer = 1,
    /// `hlt` with interrupts off.
    Stop = 2,
    /// `VCPUOP_down` of itself.
    Down = 3,
}

/// The vector of what it sends.
pub const ANSWER: u8 = 0xa1;
/// The vector that wakes it.
pub const WAKE: u8 = 0xb1;

/// Asks for something; it looks when it is woken.
pub fn ask(wish: Wish) {
    WISH.store(wish as u32, Ordering::SeqCst);
}

/// Prepares what it will load; returns where it is to begin in long mode, and the root of the page
/// tables.
fn prepare() -> (u64, u64) {
    set(&GDT, TablePointer::gdt().words());
    set(&IDT, interrupts::pointer().words());
    let end = (&raw const STACK).expose_provenance() as u64 + size_of_val(&STACK) as u64;
    STACK_END.store(end - 64, Ordering::Relaxed);
    (guest_second_long as *const () as u64, page_entry::root())
}

fn set(to: &[AtomicU64; 2], from: [u64; 2]) {
    to.iter().zip(from).for_each(|(to, from)| to.store(from, Ordering::Relaxed));
}

/// Its number.
const SECOND: u64 = 1;

/// Asks the hypervisor about it.
pub fn op(op: VcpuOp, argument: u64) -> i64 {
    call3(Hypercall::VcpuOp, op.raw().into(), SECOND, argument)
}

/// 64-bit code at its beginning.
#[must_use]
pub fn long() -> VcpuHvm64 {
    let (rip, cr3) = prepare();
    VcpuHvm64 { rip, rflags: 2, cr0: 0x8001_0033, cr3, cr4: CR4, efer: 0x900, ..Default::default() }
}

/// What `VCPUOP_initialise` takes for 64-bit code.
#[must_use]
pub fn context_64(registers: &VcpuHvm64) -> VcpuHvmContext {
    let mut context =
        VcpuHvmContext { mode: VcpuHvmMode::Bits64.raw(), ..VcpuHvmContext::default() };
    let bytes = zerocopy::IntoBytes::as_bytes(registers);
    context.registers[..bytes.len()].copy_from_slice(bytes);
    context
}

/// Number of the eight bytes of its page that it changes in real mode.
pub const ENTRY: u64 = 500;

/// The code with which it begins in real mode, at the start of a page, where it makes entry
/// [`ENTRY`] what `changed` says; and where in it its CR0 will be.
#[must_use]
pub fn real_mode_code(changed: u32) -> (alloc::vec::Vec<u8>, usize) {
    const CODE: u64 = 8;
    let (entry, root) = prepare();
    let start = (&raw const REAL).addr();
    let [words, length] = [&raw const WORDS, &raw const REAL_END].map(|end| end.addr() - start);
    // SAFETY: the code between two symbols.
    let mut code = unsafe { core::slice::from_raw_parts(&raw const REAL, length) }.to_vec();
    // Limit and base of the GDT; CR4 and CR3; the entry and its selector; its CR0.
    let gdt = GDT[0].load(Ordering::Relaxed) & 0xffff_ffff_ffff;
    let values = [gdt, CR4 | root << 32, entry | CODE << 32, 0, changed.into()];
    for (to, from) in code[words..].iter_mut().zip(values.map(u64::to_le_bytes).as_flattened()) {
        *to = *from;
    }
    (code, words + 24)
}

/// Its CR4: PAE, OSFXSR, OSXMMEXCPT.
pub const CR4: u64 = 0x620;

/// Its life: it enables its local APIC, and waits to be woken.
extern "C" fn main() -> ! {
    let base = existing(BASE);
    set_existing(BASE, base | EXTENDED);
    set_existing(msr(register::SPURIOUS), ENABLED);
    let found = [base, existing(msr(register::ID)), existing(msr(register::LOGICAL))];
    FOUND.iter().zip(found).for_each(|(to, from)| to.store(from, Ordering::SeqCst));
    BEGUN.fetch_add(1, Ordering::SeqCst);
    loop {
        let wish = WISH.swap(0, Ordering::SeqCst);
        if wish == Wish::Answer as u32 {
            set_existing(msr(register::COMMAND), u64::from(ANSWER));
        } else if wish == Wish::Stop as u32 {
            // SAFETY: every vector has a handler.
            unsafe { asm!("cli", "hlt", options(nostack)) };
        } else if wish == Wish::Down as u32 {
            call3(Hypercall::VcpuOp, VcpuOp::Down.raw().into(), 1, 0);
        }
        if wish != 0 {
            DONE.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: every vector has a handler, which keeps all registers.
        unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
        set_existing(msr(register::EOI), 0);
    }
}

/// Sends the second vCPU a message; `low` says what.
pub fn send(low: u64) {
    const SECOND: u64 = 2;
    Apic::Msr.write(register::COMMAND, SECOND << 32 | low);
}

extern crate alloc;
