// SPDX-License-Identifier: MIT OR Apache-2.0
//! State behind a lock.
//!
//! There is one vCPU, and nothing interrupts Rust code but a crash: a lock that is taken already
//! is a mistake of ours, and waiting for it would be forever.
use spin::{Mutex, MutexGuard};

/// A value that one caller at a time may use.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    /// A free lock around `value`.
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// The value. Panics if it is in use: see the module's documentation.
    #[track_caller]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.try_lock().expect("a lock is taken twice")
    }
}
