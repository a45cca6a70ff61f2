// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercalls: from the number and six registers to a handler.
//!
//! A handler takes the caller and its arguments already narrowed to their types; guest pointers
//! come as [`GuestPtr`]. It returns the value for rax, an [`Errno`] that the guest sees negated, or,
//! if it works in bounded steps, [`Outcome::Continue`] with arguments that carry the progress.
//! A number that is not in the match is `ENOSYS`, as on Xen.
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

use crate::current::Current;
use crate::guest_ptr::GuestPtr;

pub mod callbacks;
pub mod debugreg;
pub mod iret;
pub mod stack_switch;
pub mod trap_table;

/// What rdi, rsi, rdx, r10, r8 and r9 hold.
pub type Arguments = [u64; 6];

/// How a hypercall ended.
pub enum Outcome {
    /// The value for rax.
    Done(u64),
    /// The work is not finished: the guest executes the instruction again with these arguments,
    /// after pending events and other vCPUs had their turn.
    Continue(Arguments),
    /// The handler has set the registers to return to (iret).
    Registers,
}

impl From<u64> for Outcome {
    fn from(value: u64) -> Self {
        Self::Done(value)
    }
}

/// Executes one hypercall of `current`; also the way `multicall` executes its entries.
pub fn dispatch(current: &Current, number: u64, args: &Arguments) -> Result<Outcome, Errno> {
    let [a0, a1, a2, _a3, _a4, _a5] = *args;
    let number = u32::try_from(number).map_err(|_| Errno::Enosys)?;
    let hypercall = Hypercall::try_from(number).map_err(|_| Errno::Enosys)?;
    match hypercall {
        Hypercall::SetTrapTable => trap_table::set_trap_table(current, GuestPtr::new(a0)).map(Outcome::from),
        Hypercall::StackSwitch => stack_switch::stack_switch(current, a0, a1).map(Outcome::from),
        Hypercall::SetCallbacks => callbacks::set_callbacks(current, a0, a1, a2).map(Outcome::from),
        Hypercall::Iret => iret::iret(current),
        _ => Err(Errno::Enosys),
    }
}
