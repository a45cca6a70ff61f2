// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`RunCell`]: state of a vCPU that has one writer at a time by construction.
use core::cell::Cell;

/// A field that only one pCPU touches at a time: the one that runs the vCPU, or, while the vCPU
/// is paused or not yet up, the one that works on it.
///
/// Ring 0 is never preempted (interrupts are off except in idle), so no lock is needed for it;
/// a state that several running vCPUs share belongs behind a `spin::Mutex` or in an atomic.
#[repr(transparent)]
pub struct RunCell<T>(Cell<T>);

// SAFETY: see the type's contract; the scheduler hands a vCPU to one pCPU at a time.
unsafe impl<T> Sync for RunCell<T> {}

impl<T> RunCell<T> {
    /// A cell that holds `value`.
    pub const fn new(value: T) -> Self {
        Self(Cell::new(value))
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        self.0.set(value);
    }
}

impl<T: Copy> RunCell<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.0.get()
    }

    /// Applies `f` to the value and stores the result.
    pub fn update(&self, f: impl FnOnce(T) -> T) {
        self.set(f(self.get()));
    }
}
