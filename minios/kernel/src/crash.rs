// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report of a crash: what happened, registers, and who called whom.
//!
//! ```text
//! CRASH page fault writing 0x0 (not present), error 0x2
//!   rip 000000000010a1f2  rflags 00010246 ...
//!   0x10a1f2 hello::main+0x32
//!   0x1034c0 minios::task::run+0x1b0
//! ```
//!
//! Nothing here allocates or takes a lock.
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use symbols::Table;
use xen_abi::sched::ShutdownReason;
use xen_abi::trap::VECTOR_PF;

use crate::arch::size;
use crate::arch::trap_frame::TrapFrame;
use crate::arch::{image, instruction, platform};
use crate::{console, shutdown};

/// Lines of a backtrace at most.
const MAX_FRAMES: usize = 40;

/// A crash inside the report of a crash ends the domain without a word.
static CRASHED: AtomicBool = AtomicBool::new(false);

/// An exception that nobody handles: report it and end the domain.
pub(crate) fn trap(frame: &TrapFrame) -> ! {
    report(|out| {
        writeln!(out, "CRASH {}", Cause(frame))?;
        writeln!(out, "{frame}")?;
        backtrace(out, Some(frame.rip), frame.rbp)
    })
}

/// A broken invariant of the image, found by the hypervisor while it returned to us.
pub(crate) fn failsafe(slots: &[u64; 11]) -> ! {
    report(|out| writeln!(out, "CRASH failsafe callback: the return frame is {slots:x?}"))
}

#[cfg_attr(bare, panic_handler)]
#[cfg_attr(not(bare), expect(dead_code, reason = "a check on the host has std's handler"))]
fn panic(info: &PanicInfo<'_>) -> ! {
    let frame = instruction::frame_pointer();
    report(|out| {
        writeln!(out, "CRASH {info}")?;
        backtrace(out, None, frame)
    })
}

fn report(text: impl FnOnce(&mut Output) -> fmt::Result) -> ! {
    if !CRASHED.swap(true, Ordering::Relaxed) {
        let _ = text(&mut Output);
        console::flush();
    }
    shutdown::now(ShutdownReason::Crash)
}

/// The console, without locks.
struct Output;

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write_raw(text.as_bytes());
        Ok(())
    }
}

/// The chain of frame pointers, as far as it stays on our stack and goes upward.
fn backtrace(out: &mut Output, rip: Option<u64>, mut frame: u64) -> fmt::Result {
    let table = Table::parse(image::symbols());
    if let Some(rip) = rip {
        line(out, table.as_ref(), rip)?;
    }
    let stack = image::stack();
    for _ in 0..MAX_FRAMES {
        if !frame.is_multiple_of(8) || !stack.contains(&frame) || !stack.contains(&(frame + 15)) {
            break;
        }
        // SAFETY: aligned, and both words are on our stack, which is always mapped.
        let [next, rip] = unsafe { *core::ptr::with_exposed_provenance::<[u64; 2]>(size(frame)) };
        if !image::text().contains(&rip) {
            break;
        }
        // A return address is behind its call: look up the call.
        line(out, table.as_ref(), rip - 1)?;
        if next <= frame {
            break;
        }
        frame = next;
    }
    Ok(())
}

fn line(out: &mut Output, table: Option<&Table<'_>>, rip: u64) -> fmt::Result {
    match table.and_then(|table| table.lookup(rip)) {
        Some((name, offset)) => writeln!(out, "  {rip:#x} {name}+{offset:#x}"),
        None => writeln!(out, "  {rip:#x}"),
    }
}

/// What a trap was about, in words.
struct Cause<'a>(&'a TrapFrame);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrapFrame { vector, error, .. } = *self.0;
        if vector != u64::from(VECTOR_PF) {
            let name = NAMES.get(size(vector)).copied().unwrap_or("unknown exception");
            return write!(f, "{name}, vector {vector}, error {error:#x}");
        }
        let access = match error {
            e if e & 16 != 0 => "executing",
            e if e & 2 != 0 => "writing",
            _ => "reading",
        };
        let why = if error & 1 != 0 { "protected" } else { "not present" };
        let cr2 = platform().fault_address();
        write!(f, "page fault {access} {cr2:#x} ({why}), error {error:#x}")
    }
}

const NAMES: [&str; 22] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection fault",
    "page fault",
    "reserved exception",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization exception",
    "control protection exception",
];
