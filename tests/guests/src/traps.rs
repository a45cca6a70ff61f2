// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions provoked on purpose: handlers that record the frame and go on behind the fault.
//!
//! A PV guest has handlers of its own, which see what the hypervisor pushed; a PVH guest has
//! minios's.
use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::hypercall::{at, call1};
use minios::GuestType;
use minios::trap::TrapFrame;
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{FLAT_KERNEL_CS, TrapFlags, TrapInfo, has_error_code};

global_asm!(include_str!("traps.S"), record = sym RECORD, count = sym COUNT, resume = sym RESUME);

unsafe extern "C" {
    fn guest_trap_plain();
    fn guest_trap_error();
}

static RECORD: [AtomicU64; 9] = [const { AtomicU64::new(0) }; 9];
static COUNT: AtomicU64 = AtomicU64::new(0);
/// Where the handlers go on; 0: where they were interrupted.
pub static RESUME: AtomicU64 = AtomicU64::new(0);

/// The frame of an exception (`public/arch-x86/xen-x86_64.h`).
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The error code, for a vector that has one.
    pub error: Option<u64>,
    /// Where it happened, or behind it.
    pub rip: u64,
    /// Selector in bits 0 to 15, the upcall mask before in bits 32 to 39.
    pub cs: u64,
    /// Flags.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack selector.
    pub ss: u64,
}

/// Lets a recording handler take a vector that has an error code by nature or not; returns what
/// `set_trap_table` returned.
pub fn record(vector: u8, flags: TrapFlags) -> i64 {
    if minios::guest_type() == GuestType::Pvh {
        minios::trap::set_handler(vector, record_frame);
        return 0;
    }
    let (plain, error): (unsafe extern "C" fn(), unsafe extern "C" fn()) =
        (guest_trap_plain, guest_trap_error);
    let handler = if has_error_code(vector) { error } else { plain };
    set_handler(vector, flags, handler as *const () as u64)
}

/// Does what the handlers in traps.S do.
fn record_frame(frame: &mut TrapFrame) -> bool {
    let TrapFrame { rcx, r11, error, rip, cs, rflags, rsp, ss, .. } = *frame;
    let (with, without) =
        ([rcx, r11, error, rip, cs, rflags, rsp, ss], [rcx, r11, rip, cs, rflags, rsp, ss]);
    let has_error = u8::try_from(frame.vector).is_ok_and(has_error_code);
    let words = if has_error { &with[..] } else { &without[..] };
    for (to, &from) in RECORD.iter().zip(words) {
        to.store(from, Ordering::Relaxed);
    }
    COUNT.fetch_add(1, Ordering::Relaxed);
    let resume = RESUME.load(Ordering::Relaxed);
    if resume != 0 {
        frame.rip = resume;
    }
    true
}

/// Sets the handler of one vector; returns what `set_trap_table` returned.
pub fn set_handler(vector: u8, flags: TrapFlags, address: u64) -> i64 {
    let entry = TrapInfo { vector, flags, cs: FLAT_KERNEL_CS, address, ..TrapInfo::default() };
    call1(Hypercall::SetTrapTable, at(&[entry, TrapInfo::default()]))
}

/// How many exceptions the recording handlers have seen.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// How many recorded exceptions `work` takes.
pub fn faults(work: impl FnOnce()) -> u64 {
    let before = count();
    work();
    count() - before
}

/// The last frame of a vector.
pub fn last(vector: u8) -> Frame {
    let word = |at: usize| RECORD[at].load(Ordering::Relaxed);
    let behind = usize::from(has_error_code(vector));
    Frame {
        error: has_error_code(vector).then(|| word(2)),
        rip: word(2 + behind),
        cs: word(3 + behind),
        rflags: word(4 + behind),
        rsp: word(5 + behind),
        ss: word(6 + behind),
    }
}

/// Executes instructions of which one faults, and goes on behind them.
///
/// `provoke!("ud2")`; operands of `asm!` may follow behind a semicolon.
#[macro_export]
macro_rules! provoke {
    ($($instruction:literal),+ $(; $($operands:tt)*)?) => {
        // SAFETY: the instructions fault, the recording handler restores every register and goes
        // on at label 2; what the instructions themselves change is declared by the operands.
        unsafe {
            core::arch::asm!(
                "lea {scratch}, [rip + 2f]",
                "mov [rip + {resume}], {scratch}",
                $($instruction,)+
                "2:",
                scratch = out(reg) _,
                resume = sym $crate::traps::RESUME,
                $($($operands)*)?
            )
        }
    };
}
