// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protected mode for a PVH guest: memory accesses with page tables of two or three levels.
use core::arch::{asm, global_asm};

global_asm!(include_str!("protected_mode.S"));

unsafe extern "C" {
    fn protected_mode(state: *mut State, list: *mut Do);
}

/// What to do there.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
enum What {
    End,
    Read,
    Write,
    Invalidate,
    Flush,
}

/// A step in protected mode.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Do {
    what: What,
    address: u32,
    /// What is written, or was read.
    pub value: u32,
}

impl Do {
    /// The end of a list.
    pub const END: Self = Self { what: What::End, address: 0, value: 0 };
    /// A write of CR3.
    pub const FLUSH: Self = Self { what: What::Flush, address: 0, value: 0 };

    /// Reads a word.
    #[must_use]
    pub const fn read(address: u32) -> Self {
        Self { what: What::Read, address, value: 0 }
    }

    /// Writes a word.
    #[must_use]
    pub const fn write(address: u32, value: u32) -> Self {
        Self { what: What::Write, address, value }
    }

    /// `invlpg`.
    #[must_use]
    pub const fn invalidate(address: u32) -> Self {
        Self { what: What::Invalidate, address, value: 0 }
    }
}

/// Registers there, and those of long mode meanwhile.
#[repr(C, align(16))]
struct State {
    cr3: u32,
    cr4: u32,
    saved: [u64; 5],
}

/// Three levels of tables, with entries of 8 bytes.
pub const CR4_PAE: u32 = 1 << 5;
/// Large pages in two levels of tables.
pub const CR4_PSE: u32 = 1 << 4;

/// Does what `list` says, up to its [`Do::END`], with the tables at `root`, in which all memory in
/// use is where it is; a fault is the end of the domain.
///
/// # Panics
/// Without an end.
pub fn run(root: u32, paging: u32, list: &mut [Do]) {
    assert!(list.iter().any(|step| matches!(step.what, What::End)), "a list has an end");
    let cr4: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr4", out(reg) cr4, options(nomem, nostack, preserves_flags)) };
    let others = u32::try_from(cr4 & 0xffff_ffff).unwrap_or(0) & !(CR4_PAE | CR4_PSE);
    let mut state = State { cr3: root, cr4: others | paging, saved: [0; 5] };
    // SAFETY: the tables map code, stack, state and list where they are, by the contract.
    unsafe { protected_mode(&raw mut state, list.as_mut_ptr()) }
}
