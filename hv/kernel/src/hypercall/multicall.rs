// SPDX-License-Identifier: MIT OR Apache-2.0
//! `multicall`: several hypercalls in one.
//!
//! The list stays in the guest's memory: each entry is read when its turn comes, and an entry
//! whose work is not finished is written back with the arguments to go on with.
use xen_abi::errno::Errno;
use xen_abi::multicall::MulticallEntry;

use super::{Outcome, dispatch};
use crate::current::{Current, pcpu};
use crate::guest_ptr::{GuestPtr, is_guest_range};
use crate::hvm::hypercall as hvm;

/// Entries executed before others get a turn, if they want one.
const ENTRIES_PER_CALL: u32 = 64;
/// Offset of an entry's result.
const RESULT: u64 = 8;

/// `multicall(list, count)`. `EINVAL` inside another multicall, `EFAULT` if the list is not
/// readable and writable.
pub fn multicall(
    current: &Current,
    list: GuestPtr<MulticallEntry>,
    count: u32,
) -> Result<Outcome, Errno> {
    let in_multicall = &current.vcpu().in_multicall;
    if in_multicall.get() {
        return Err(Errno::Einval);
    }
    let bytes = u64::from(count).saturating_mul(size_of::<MulticallEntry>() as u64);
    if !is_guest_range(list.address(), bytes) {
        return Err(Errno::Efault);
    }
    in_multicall.set(true);
    let outcome = execute(current, list, count);
    in_multicall.set(false);
    outcome
}

fn execute(
    current: &Current,
    list: GuestPtr<MulticallEntry>,
    count: u32,
) -> Result<Outcome, Errno> {
    for done in 0..count {
        let entry_at = list.element(u64::from(done))?;
        let resume = Outcome::Continue([
            entry_at.address(),
            u64::from(count.saturating_sub(done)),
            0,
            0,
            0,
            0,
        ]);
        if done >= ENTRIES_PER_CALL || (done > 0 && pcpu().reschedule.get()) {
            return Ok(resume);
        }
        let entry = entry_at.read()?;
        let result = match hvm::check_call(current.domain(), entry.op)
            .and_then(|()| dispatch(current, entry.op, &entry.args))
        {
            Ok(Outcome::Done(value)) => value.cast_signed(),
            Ok(Outcome::Continue(args)) => {
                entry_at.write(&MulticallEntry { args, ..entry })?;
                return Ok(resume);
            }
            Ok(Outcome::Registers) => return Ok(Outcome::Registers),
            Err(errno) => errno.to_return(),
        };
        entry_at.byte_offset::<i64>(RESULT)?.write(&result)?;
        // Some calls end the domain, or leave kernel mode: nothing more on behalf of it.
        if !current.vcpu().in_kernel.get() {
            return Ok(Outcome::Registers);
        }
    }
    Ok(Outcome::Done(0))
}
