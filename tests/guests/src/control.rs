// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control registers: in a PV guest the hypervisor executes these reads.
use core::arch::asm;

macro_rules! registers {
    ($($(#[$meta:meta])* $name:ident,)*) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $name() -> u64 {
            let value: u64;
            // SAFETY: reads a register.
            unsafe {
                asm!(concat!("mov {}, ", stringify!($name)), out(reg) value,
                    options(nomem, nostack, preserves_flags));
            }
            value
        }
    )*};
}

registers! {
    /// What the processor is to do, and how.
    cr0,
    /// The address of the last page fault.
    cr2,
    /// What else it is to do.
    cr4,
}
