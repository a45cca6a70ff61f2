// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interrupts of a PVH guest: handlers for all vectors that count and do no more. Exceptions, and the
//! events' vector, stay with minios.
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use minios::DomId;
use minios::hypercall::pvh_domain::set_param;
use minios::hypercall::sched::yield_now;
use minios::time::system_time_ns;
use xen_abi::hvm::{CallbackVia, HvmParam};
use xen_abi::shared_info::SharedInfo;

use crate::descriptor_table::{TablePointer, interrupt_gate};

global_asm!(
    include_str!("interrupts.S"),
    counts = sym COUNTS,
    again = sym AGAIN,
    logged = sym LOGGED,
    log = sym LOG,
);

unsafe extern "C" {
    #[link_name = "guest_interrupt_stubs"]
    static STUBS: [[u8; 16]; VECTORS];
}

const VECTORS: usize = 256;
const LOG_LENGTH: usize = 16;
/// The vector of minios's events, the highest of its own table.
const EVENTS: u8 = 32;
/// What [`during`] shows where a handler has sent an NMI ([`send_within_next`]).
pub const SENT_WITHIN: u64 = 0x100;
/// The vector of NMIs.
pub const NMI: u8 = 2;

static COUNTS: [AtomicU64; VECTORS] = [const { AtomicU64::new(0) }; VECTORS];
static AGAIN: AtomicU64 = AtomicU64::new(0);
static LOGGED: AtomicU64 = AtomicU64::new(0);
static LOG: [AtomicU64; LOG_LENGTH] = [const { AtomicU64::new(0) }; LOG_LENGTH];
static TABLE: [[AtomicU64; 2]; VECTORS] =
    [const { [AtomicU64::new(0), AtomicU64::new(0)] }; VECTORS];

/// Uses a table of our own, with minios's gates where it has some.
fn init() {
    let base = usize::try_from(TablePointer::idt().base).unwrap_or(0);
    // SAFETY: that many gates are in the table that is in use, and nobody changes it.
    let gates: &[[u64; 2]] = unsafe {
        core::slice::from_raw_parts(
            core::ptr::with_exposed_provenance(base),
            usize::from(EVENTS) + 1,
        )
    };
    for (vector, gate) in TABLE.iter().enumerate() {
        let words = match gates.get(vector) {
            Some(&minios) if vector != usize::from(NMI) => minios,
            _ => self::gate(vector),
        };
        gate.iter().zip(words).for_each(|(to, word)| to.store(word, Ordering::Relaxed));
    }
    let new = pointer();
    // SAFETY: every gate leads to a handler.
    unsafe { asm!("lidt [{}]", in(reg) &raw const new, options(readonly, nostack)) };
}

/// What another vCPU loads to use the same table.
#[must_use]
pub fn pointer() -> TablePointer {
    TablePointer { limit: 0xfff, base: (&raw const TABLE).expose_provenance() as u64 }
}

/// A gate to a vector's stub.
fn gate(vector: usize) -> [u64; 2] {
    interrupt_gate((&raw const STUBS).addr() as u64 + 16 * vector as u64, 0, 0)
}

/// How often a vector's handler has run.
pub fn count(vector: u8) -> u64 {
    COUNTS[usize::from(vector)].load(Ordering::SeqCst)
}

/// The vectors whose handlers run during `work`, in that order, at most 16.
pub fn during(work: impl FnOnce()) -> alloc::vec::Vec<u64> {
    let at = |index: u64| &LOG[usize::try_from(index).unwrap_or(0) % LOG_LENGTH];
    let before = LOGGED.load(Ordering::SeqCst);
    work();
    let after = LOGGED.load(Ordering::SeqCst);
    (before..after).map(|index| at(index).load(Ordering::SeqCst)).collect()
}

/// The handler of the next NMI sends another one to vCPU 0, by the local APIC as MSRs.
pub fn send_within_next() {
    AGAIN.store(1, Ordering::SeqCst);
}

/// Takes all interrupts from minios, its events too, and lets none in. Whether that could be done.
#[must_use]
pub fn take_over() -> bool {
    close();
    init();
    // minios's own interrupt would come before all others, as long as it does not look at its events.
    set_callback(CallbackVia::Gsi(0))
}

/// Gives minios its events back. Whether that could be done.
#[must_use]
pub fn give_back() -> bool {
    let done = set_callback(CallbackVia::Vector(EVENTS));
    // What came meanwhile is for minios: let it look at all its ports.
    let vcpu = &shared_info().vcpu_info[0];
    vcpu.evtchn_pending_sel.store(u64::MAX, Ordering::SeqCst);
    vcpu.evtchn_upcall_pending.store(1, Ordering::SeqCst);
    done
}

fn set_callback(via: CallbackVia) -> bool {
    set_param(DomId::SELF, HvmParam::CallbackIrq, via.raw()).is_ok()
}

/// The page that hypervisor and domain share.
#[must_use]
pub fn shared_info() -> &'static SharedInfo {
    unsafe extern "C" {
        #[link_name = "minios_shared_info"]
        static SHARED_INFO: SharedInfo;
    }
    // SAFETY: the page is mapped for good, and every field is an atomic.
    unsafe { &SHARED_INFO }
}

/// Lets in what waits, but for minios's events: as long as one is pending, Xen keeps the rest waiting.
/// `cpuid` leaves the guest, so that the hypervisor looks too.
pub fn open() {
    shared_info().vcpu_info[0].evtchn_upcall_pending.store(0, Ordering::SeqCst);
    // SAFETY: every vector has a handler, which keeps all registers.
    unsafe {
        asm!("mov {kept}, rbx", "sti", "nop", "cpuid", "nop", "cli", "mov rbx, {kept}",
            kept = out(reg) _, inout("eax") 0 => _, inout("ecx") 0 => _, out("edx") _,
            options(nostack));
    }
}

/// Switches interrupts off.
fn close() {
    // SAFETY: nobody waits for one.
    unsafe { asm!("cli", options(nomem, nostack)) };
}

/// Lets interrupts in until `done`, for some seconds at most; whether it came to that.
pub fn wait_until(done: impl Fn() -> bool) -> bool {
    const LONGEST_NS: u64 = 10_000_000_000;
    let end = system_time_ns() + LONGEST_NS;
    while !done() {
        if system_time_ns() > end {
            return false;
        }
        open();
        yield_now();
    }
    true
}

extern crate alloc;
