// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest's own memory has no more rights than it needs: code is not writable, nothing else is
//! executable, page zero and the page below the stack are not there.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;

use test_guests::{provoke, traps};
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_PF};

test_report::guest!(run);

/// Error code bits of a page fault: the page is there; a write; an instruction fetch.
const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const FETCH: u64 = 16;

/// A constant that the linker cannot merge into code.
static CONSTANT: u64 = 0x1234_5678_9abc_def0;

unsafe extern "C" {
    /// linker/minios.ld.
    static __stack_guard: u8;
}

async fn run(report: &mut Report) {
    traps::record(VECTOR_PF, TrapFlags::empty());
    let code = run as *const () as u64;
    let constant = (&raw const CONSTANT).addr() as u64;
    let stack = (&raw const report).addr() as u64;
    let heap = Box::new(0xc3u8);
    let heap = core::ptr::from_ref(&*heap).addr() as u64;
    let guard = (&raw const __stack_guard).addr() as u64;

    report.expect("write to code", write(code), Some(PRESENT | WRITE));
    report.expect("write to a constant", write(constant), Some(PRESENT | WRITE));
    report.expect("execute a constant", execute(constant), Some(PRESENT | FETCH));
    report.expect("execute the heap", execute(heap), Some(PRESENT | FETCH));
    report.expect("execute the stack", execute(stack), Some(PRESENT | FETCH));
    report.expect("read page zero", read(0x10), Some(0));
    report.expect("write to page zero", write(0x10), Some(WRITE));
    report.expect("execute page zero", execute(0x10), Some(FETCH));
    report.expect("read below the stack", read(guard + 0x800), Some(0));
    report.expect("write below the stack", write(guard + 0xff8), Some(WRITE));
}

fn read(at: u64) -> Option<u64> {
    fault(|| provoke!("mov rax, [{at}]"; at = in(reg) at, out("rax") _))
}

fn write(at: u64) -> Option<u64> {
    fault(|| provoke!("mov byte ptr [{at}], 0"; at = in(reg) at))
}

fn execute(at: u64) -> Option<u64> {
    fault(|| provoke!("jmp {at}"; at = in(reg) at))
}

/// The error code of the page fault that `provoke` makes; `None` if it makes none.
fn fault(provoke: impl FnOnce()) -> Option<u64> {
    let before = traps::count();
    provoke();
    (traps::count() == before + 1).then(|| traps::last(VECTOR_PF).error).flatten()
}
