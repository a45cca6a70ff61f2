// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions of VMX (chapter 31). Each says by the flags whether it failed.
use core::arch::asm;

use xen_abi::frame::Maddr;

use super::field::Field;

/// The instruction failed: nothing was changed.
#[derive(Debug)]
pub struct Failed;

const fn check(failed: u8) -> Result<(), Failed> {
    if failed == 0 { Ok(()) } else { Err(Failed) }
}

macro_rules! with_region {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The region is a frame for this use, with the revision of the processor in it.
        pub unsafe fn $name(region: Maddr) -> Result<(), Failed> {
            let address = region.get();
            let failed: u8;
            // SAFETY: by the function's contract; the operand is where the address stands.
            unsafe {
                asm!(concat!(stringify!($name), " [{}]"), "setbe {}", in(reg) &raw const address,
                    out(reg_byte) failed, options(nostack));
            }
            check(failed)
        }
    };
}

with_region! {
    /// Enters VMX operation; the region is the processor's from now on.
    vmxon
}
with_region! {
    /// Writes what the processor keeps of a VMCS back to its region, which is then not launched.
    vmclear
}
with_region! {
    /// Makes a VMCS the one that the other instructions are about.
    vmptrld
}

/// Reads a field of the VMCS that is loaded; 0 where the processor does not have it.
pub fn vmread(field: Field) -> u64 {
    let value;
    // SAFETY: reading a field changes nothing.
    unsafe {
        asm!("vmread {}, {}", inout(reg) 0_u64 => value, in(reg) field.encoding(),
            options(nostack));
    }
    value
}

/// Writes a field of the VMCS that is loaded.
///
/// # Errors
/// The processor does not have the field, or no VMCS is loaded.
pub fn vmwrite(field: Field, value: u64) -> Result<(), Failed> {
    let failed: u8;
    // SAFETY: what a guest can do with its fields is decided by those who choose the values.
    unsafe {
        asm!("vmwrite {}, {}", "setbe {}", in(reg) field.encoding(), in(reg) value,
            out(reg_byte) failed, options(nostack));
    }
    check(failed)
}

/// Forgets what was cached of second-level tables: of those with this pointer (kind 1), or of all
/// (kind 2).
pub fn invept(kind: u64, pointer: u64) -> Result<(), Failed> {
    let descriptor = [pointer, 0];
    let failed: u8;
    // SAFETY: forgetting translations is always allowed.
    unsafe {
        asm!("invept {}, [{}]", "setbe {}", in(reg) kind, in(reg) &raw const descriptor,
            out(reg_byte) failed, options(nostack));
    }
    check(failed)
}

/// Forgets the translations of all tags but 0.
pub fn invvpid_all() -> Result<(), Failed> {
    const ALL: u64 = 2;
    let descriptor = [0_u64; 2];
    let failed: u8;
    // SAFETY: as above.
    unsafe {
        asm!("invvpid {}, [{}]", "setbe {}", in(reg) ALL, in(reg) &raw const descriptor,
            out(reg_byte) failed, options(nostack));
    }
    check(failed)
}
