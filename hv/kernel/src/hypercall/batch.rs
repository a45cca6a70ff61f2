// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists of operations with a count of those done: `mmu_update` and `mmuext_op`.
use hv_core::page_type::{PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use zerocopy::FromBytes;

use super::{Outcome, page_owner};
use crate::domain;
use crate::guest_ptr::GuestPtr;
use crate::machine::Host;

/// In the count: the call was preempted, and the number done so far is in the guest's memory.
const PREEMPTED: u32 = 1 << 31;
/// What one operation costs of the budget, besides the tables it looks at.
const OPERATION_COST: u32 = 8;

/// The arguments of such a call.
#[derive(Clone, Copy)]
pub struct Batch<T> {
    /// The next operation.
    pub(super) list: GuestPtr<T>,
    /// Operations left, and [`PREEMPTED`].
    pub(super) count: u32,
    /// Where the guest wants the number done; may be null.
    pub(super) done: GuestPtr<u32>,
    /// The last argument as the guest gave it.
    pub(super) domids: u64,
}

impl<T: FromBytes> Batch<T> {
    /// The arguments as they come in registers.
    pub(super) fn new(list: u64, count: u32, done: u64, domids: u64) -> Self {
        Self { list: GuestPtr::new(list), count, done: GuestPtr::new(done), domids }
    }

    /// Executes the operations in turn until one fails, and tells the guest how many were done.
    /// `table_owner` is whose tables the operations may put out of use.
    pub(super) fn run(
        self,
        table_owner: DomId,
        mut execute: impl FnMut(&PageTypes<'_, Host>, T) -> Result<(), Stop>,
    ) -> Result<Outcome, Errno> {
        let mut done = self.done_before();
        let types = page_owner::page_types();
        let owner = domain::find(table_owner);
        let has_work = || owner.as_ref().is_some_and(|owner| !owner.pages.lock().work.is_empty());
        let mut rest = Self { count: self.count & !PREEMPTED, ..self };
        let result = loop {
            if has_work() && types.settle_all(table_owner).is_err() {
                break None;
            }
            if rest.count == 0 {
                break Some(Ok(Outcome::Done(0)));
            }
            if types.is_spent() {
                break None;
            }
            types.spend(OPERATION_COST);
            let step = rest.list.read().map_err(Stop::Refused);
            match page_owner::finished(step.and_then(|operation| execute(&types, operation))) {
                Some(Ok(())) => {}
                Some(Err(errno)) => {
                    // What is left over goes with a later call.
                    let _ = types.settle_all(table_owner);
                    break Some(Err(errno));
                }
                None => break None,
            }
            rest.count = rest.count.saturating_sub(1);
            done = done.saturating_add(1);
            match rest.list.element(1) {
                Ok(next) => rest.list = next,
                Err(errno) if rest.count > 0 => break Some(Err(errno)),
                Err(_) => {}
            }
        };
        self.report(done);
        result.unwrap_or_else(|| Ok(rest.later()))
    }

    /// What the call had done before it was preempted.
    fn done_before(&self) -> u32 {
        if self.count & PREEMPTED == 0 || self.done.is_null() {
            return 0;
        }
        self.done.read().unwrap_or(0)
    }

    /// Tells the guest the number done; as on Xen a bad address is its own loss.
    pub(super) fn report(&self, done: u32) {
        if !self.done.is_null() {
            let _ = self.done.write(&done);
        }
    }

    fn later(&self) -> Outcome {
        let (list, done) = (self.list.address(), self.done.address());
        Outcome::Continue([list, u64::from(self.count | PREEMPTED), done, self.domids, 0, 0])
    }
}
