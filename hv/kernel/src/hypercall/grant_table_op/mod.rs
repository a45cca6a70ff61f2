// SPDX-License-Identifier: MIT OR Apache-2.0
//! `grant_table_op`: the elements of an array, each with a status of its own.
//!
//! - [`map`]: mapping grants.
//! - [`unmap`]: taking mappings away.
//! - [`copy`]: copying between frames.
//! - [`setup`]: the table itself.
use xen_abi::errno::Errno;
use xen_abi::grant_table::{GrantStatus, GrantTableOp};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::Outcome;
use crate::current::{Current, pcpu};
use crate::guest_ptr::{GuestPtr, is_guest_range};

mod copy;
mod map;
mod setup;
mod unmap;

/// Elements worked on before others get a turn, if they want one.
const ELEMENTS_PER_CALL: u32 = 64;

/// Why an element was not finished.
enum Stop {
    /// The whole call fails.
    Failed(Errno),
    /// The element is to be tried again.
    Again,
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

/// Why an element was refused, or not finished.
enum Failure {
    Status(GrantStatus),
    Again,
}

impl From<GrantStatus> for Failure {
    fn from(status: GrantStatus) -> Self {
        Self::Status(status)
    }
}

/// The status of an element, if it was finished.
fn status_of(result: Result<(), Failure>) -> Result<GrantStatus, Stop> {
    match result {
        Ok(()) => Ok(GrantStatus::OKAY),
        Err(Failure::Status(status)) => Ok(status),
        Err(Failure::Again) => Err(Stop::Again),
    }
}

/// `grant_table_op(op, elements, count)`. `EINVAL` for a count that is no `i32`, `EFAULT` for a
/// bad array, `EOPNOTSUPP` to transfer frames, `ENOSYS` for what is not known.
pub fn grant_table_op(
    current: &Current,
    op: u32,
    elements: GuestPtr,
    count: u32,
) -> Result<Outcome, Errno> {
    if i32::try_from(count).is_err() {
        return Err(Errno::Einval);
    }
    match GrantTableOp::try_from(op)? {
        GrantTableOp::MapGrantRef => {
            each(op, elements.cast(), count, |element| map::map(current, element))
        }
        GrantTableOp::UnmapGrantRef => unmap::unmap_all(current, op, elements.cast(), count),
        GrantTableOp::Copy => {
            each(op, elements.cast(), count, |element| copy::copy(current, element))
        }
        GrantTableOp::SwapGrantRef => {
            each(op, elements.cast(), count, |element| setup::swap(current, element))
        }
        GrantTableOp::SetupTable => setup::setup_table(current, elements.cast(), count),
        GrantTableOp::QuerySize => setup::query_size(current, elements.cast(), count),
        GrantTableOp::SetVersion => setup::set_version(elements.cast()),
        GrantTableOp::GetVersion => setup::get_version(current, elements.cast()),
        GrantTableOp::GetStatusFrames => setup::get_status_frames(elements.cast(), count),
        GrantTableOp::Transfer => Err(Errno::Eopnotsupp),
        GrantTableOp::UnmapAndReplace | GrantTableOp::DumpTable | GrantTableOp::CacheFlush => {
            Err(Errno::Enosys)
        }
    }
}

/// `EFAULT` unless the array lies in the guest's part of the address space.
fn check_array<T>(elements: GuestPtr<T>, count: u32) -> Result<(), Errno> {
    let bytes = u64::from(count).saturating_mul(size_of::<T>() as u64);
    if is_guest_range(elements.address(), bytes) { Ok(()) } else { Err(Errno::Efault) }
}

/// Works on the elements one by one; `work` changes an element, which is then written back.
fn each<T: FromBytes + IntoBytes + Immutable>(
    op: u32,
    elements: GuestPtr<T>,
    count: u32,
    mut work: impl FnMut(&mut T) -> Result<(), Stop>,
) -> Result<Outcome, Errno> {
    check_array(elements, count)?;
    for done in 0..count {
        let at = elements.element(u64::from(done))?;
        if done > 0 && (done >= ELEMENTS_PER_CALL || pcpu().reschedule.get()) {
            return Ok(rest(op, at, count, done));
        }
        let mut element = T::new_zeroed();
        at.read_to(&mut element)?;
        match work(&mut element) {
            Ok(()) => at.write(&element)?,
            Err(Stop::Failed(errno)) => return Err(errno),
            Err(Stop::Again) => return Ok(rest(op, at, count, done)),
        }
    }
    Ok(Outcome::Done(0))
}

/// The same call for the elements from `done` on, which begin at `at`.
fn rest<T>(op: u32, at: GuestPtr<T>, count: u32, done: u32) -> Outcome {
    let left = count.saturating_sub(done);
    Outcome::Continue([u64::from(op), at.address(), u64::from(left), 0, 0, 0])
}
