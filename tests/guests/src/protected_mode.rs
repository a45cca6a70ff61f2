// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protected mode for a PVH guest: memory accesses with page tables of two or three levels.
use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::control;

global_asm!(include_str!("protected_mode.S"), idt = sym IDT);

unsafe extern "C" {
    fn protected_mode(state: *mut State, list: *mut Do);
    fn protected_mode_fault();
}

/// Gates of 32 bits, all to the same place.
static IDT: [AtomicU64; 32] = [const { AtomicU64::new(0) }; 32];

/// What to do there.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
enum What {
    End,
    Read,
    Write,
    Touch,
    Invalidate,
    Flush,
    Root,
    Cr0,
    Cr4,
    Efer,
}

/// In the word for what to do: it has faulted.
const FAULTED: u32 = 1 << 31;

/// A step in protected mode.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Do {
    what: u32,
    address: u32,
    /// What is written, or was read.
    pub value: u32,
}

impl Do {
    /// The end of a list.
    pub const END: Self = Self::new(What::End, 0, 0);
    /// A write of CR3 that leaves it as it is.
    pub const FLUSH: Self = Self::new(What::Flush, 0, 0);

    const fn new(what: What, address: u32, value: u32) -> Self {
        Self { what: what as u32, address, value }
    }

    /// Reads a word.
    #[must_use]
    pub const fn read(address: u32) -> Self {
        Self::new(What::Read, address, 0)
    }

    /// Writes a word.
    #[must_use]
    pub const fn write(address: u32, value: u32) -> Self {
        Self::new(What::Write, address, value)
    }

    /// Writes a word as it is.
    #[must_use]
    pub const fn touch(address: u32) -> Self {
        Self::new(What::Touch, address, 0)
    }

    /// `invlpg`.
    #[must_use]
    pub const fn invalidate(address: u32) -> Self {
        Self::new(What::Invalidate, address, 0)
    }

    /// Another value of CR3.
    #[must_use]
    pub const fn root(root: u32) -> Self {
        Self::new(What::Root, root, 0)
    }

    /// Inverts bits of CR0.
    #[must_use]
    pub const fn cr0(bits: u32) -> Self {
        Self::new(What::Cr0, bits, 0)
    }

    /// Inverts bits of CR4.
    #[must_use]
    pub const fn cr4(bits: u32) -> Self {
        Self::new(What::Cr4, bits, 0)
    }

    /// Inverts bits of `IA32_EFER`.
    #[must_use]
    pub const fn efer(bits: u32) -> Self {
        Self::new(What::Efer, bits, 0)
    }

    /// Whether it was given up because of a fault.
    #[must_use]
    pub const fn faulted(&self) -> bool {
        self.what & FAULTED != 0
    }
}

/// Registers there, and those of long mode meanwhile.
#[repr(C, align(16))]
struct State {
    cr3: u32,
    cr4: u32,
    saved: [u64; 7],
}

/// Three levels of tables, with entries of 8 bytes.
pub const CR4_PAE: u32 = 1 << 5;
/// Large pages in two levels of tables.
pub const CR4_PSE: u32 = 1 << 4;

/// Does what `list` says, up to its [`Do::END`], with the tables at `root`, in which all memory in
/// use is where it is, or the domain ends.
///
/// # Panics
/// Without an end.
pub fn run(root: u32, paging: u32, list: &mut [Do]) {
    assert!(list.iter().any(|step| step.what == What::End as u32), "a list has an end");
    prepare_gates();
    let cr4 = control::cr4();
    let others = u32::try_from(cr4 & 0xffff_ffff).unwrap_or(0) & !(CR4_PAE | CR4_PSE);
    let mut state = State { cr3: root, cr4: others | paging, saved: [0; 7] };
    // SAFETY: the tables map code, stack, state and list where they are, by the contract.
    unsafe { protected_mode(&raw mut state, list.as_mut_ptr()) }
}

/// Interrupt gates for ring 0, which say nothing of the vector.
fn prepare_gates() {
    const CODE: u64 = 0x10;
    const RIGHTS: u64 = 0x8e << 40;
    let handler: unsafe extern "C" fn() = protected_mode_fault;
    let handler = handler as *const () as u64;
    let gate = handler & 0xffff | CODE << 16 | RIGHTS | (handler >> 16 & 0xffff) << 48;
    IDT.iter().for_each(|entry| entry.store(gate, Ordering::Relaxed));
}
