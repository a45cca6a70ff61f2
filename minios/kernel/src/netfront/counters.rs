// SPDX-License-Identifier: MIT OR Apache-2.0
//! Counting.

use core::cell::Cell;

use minios_core::link::LinkCounters;

/// Changes counters in place.
pub(super) fn count(counters: &Cell<LinkCounters>, change: impl FnOnce(&mut LinkCounters)) {
    let mut value = counters.get();
    change(&mut value);
    counters.set(value);
}
