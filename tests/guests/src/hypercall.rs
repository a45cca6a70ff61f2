// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercalls with arbitrary arguments, by the bare instruction.
//!
//! A test guest is allowed to hurt itself, so these are safe functions: what they can damage is
//! the guest's own memory, and only a wrong test does that.
use core::arch::asm;
use minios::GuestType;
use xen_abi::hypercall::{Hypercall, STUB_COUNT, STUB_SIZE};

/// Executes a hypercall by number; returns what rax holds afterwards.
pub fn call_number(number: u64, args: [u64; 5]) -> i64 {
    match minios::guest_type() {
        GuestType::Pv => by_syscall(number, args),
        // In a stub of a PVH guest the instruction stands behind `mov eax, NUMBER`.
        GuestType::Pvh => by_call(page() + 5, number, args),
    }
}

fn by_syscall(number: u64, args: [u64; 5]) -> i64 {
    let result: i64;
    // SAFETY: the hypercall reads and writes only what the arguments name, which is the test's
    // own; every register that the interface may change is declared.
    unsafe {
        asm!("syscall", inout("rax") number.cast_signed() => result,
             inout("rdi") args[0] => _, inout("rsi") args[1] => _, inout("rdx") args[2] => _,
             inout("r10") args[3] => _, inout("r8") args[4] => _,
             lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// Executes a hypercall.
pub fn call(hypercall: Hypercall, args: [u64; 5]) -> i64 {
    call_number(hypercall.raw(), args)
}

/// Executes a hypercall through its stub in the hypercall page, as guests do.
pub fn stub(hypercall: Hypercall, args: [u64; 5]) -> i64 {
    by_call(page() + STUB_SIZE as u64 * hypercall.raw(), hypercall.raw(), args)
}

/// The hypercall page.
fn page() -> u64 {
    unsafe extern "C" {
        #[link_name = "hypercall_page"]
        static HYPERCALL_PAGE: [[u8; STUB_SIZE]; STUB_COUNT];
    }
    (&raw const HYPERCALL_PAGE).addr() as u64
}

/// Calls code in the hypercall page.
fn by_call(address: u64, number: u64, args: [u64; 5]) -> i64 {
    let result: i64;
    // SAFETY: as in `by_syscall`; a stub pushes two words and there is no red zone.
    unsafe {
        asm!("call {stub}", stub = in(reg) address,
             inout("rax") number.cast_signed() => result,
             inout("rdi") args[0] => _, inout("rsi") args[1] => _, inout("rdx") args[2] => _,
             inout("r10") args[3] => _, inout("r8") args[4] => _,
             lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// A hypercall with one argument.
pub fn call1(hypercall: Hypercall, a: u64) -> i64 {
    call(hypercall, [a, 0, 0, 0, 0])
}

/// A hypercall with two arguments: most often a command and its structure.
pub fn call2(hypercall: Hypercall, a: u64, b: u64) -> i64 {
    call(hypercall, [a, b, 0, 0, 0])
}

/// A hypercall with three arguments.
pub fn call3(hypercall: Hypercall, a: u64, b: u64, c: u64) -> i64 {
    call(hypercall, [a, b, c, 0, 0])
}

/// The address of a value, as a hypercall argument.
pub fn at<T: ?Sized>(value: &T) -> u64 {
    core::ptr::from_ref(value).cast::<u8>().addr() as u64
}

/// The address of a value that the hypercall fills in.
pub fn at_mut<T: ?Sized>(value: &mut T) -> u64 {
    core::ptr::from_mut(value).cast::<u8>().expose_provenance() as u64
}
