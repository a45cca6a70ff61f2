// SPDX-License-Identifier: MIT OR Apache-2.0
//! Suspending the domain, so that a toolstack can save it and restore it later, perhaps on another
//! machine.
//!
//! What the domain has is as it was then, but nothing of what it had of others: frames have other
//! numbers, event channels are unbound, grants are gone, xenstore has forgotten the watches, the
//! clock may have gone back. Each part of the library that has something of this kind takes part
//! by a [`Step`]. An app's own event channels are dead then, and its grants as well.
use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::platform;
use crate::hypercall::sched;
use crate::{console, event_channel, grant_table, random, time, xenstore};

/// What a suspend came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was called off: everything is as it was.
    Cancelled,
    /// The domain was restored.
    Restored,
}

/// What one part does: `suspend` before, `resume` afterwards.
struct Step {
    suspend: fn(),
    resume: fn(Outcome),
}

const NOTHING: fn() = || ();

/// All of them, in the order in which they come back: each may use those before it.
const STEPS: [Step; 7] = [
    Step { suspend: || platform().suspend(), resume: |outcome| platform().resume(outcome) },
    Step { suspend: NOTHING, resume: event_channel::resume },
    Step { suspend: NOTHING, resume: time::resume },
    Step { suspend: grant_table::suspend, resume: grant_table::resume },
    Step { suspend: NOTHING, resume: console::resume },
    Step { suspend: NOTHING, resume: random::resume },
    Step { suspend: NOTHING, resume: xenstore::resume },
];

static RESTORES: AtomicU32 = AtomicU32::new(0);

/// How many times the domain was restored: what others gave it before the last time is gone.
pub(crate) fn restores() -> u32 {
    RESTORES.load(Ordering::Relaxed)
}

/// Suspends the domain when nothing is on its way to xenstore. Returns when it runs again.
pub(crate) async fn suspend() {
    if grant_table::has_mappings() {
        // The toolstack cannot save page tables that name frames of others.
        return log::error!("suspend: memory of other domains is mapped");
    }
    xenstore::quiesce().await;
    console::flush();
    let outcome = stop();
    log::info!("suspend: {outcome:?}");
}

/// Nothing else runs from here until it is over.
fn stop() -> Outcome {
    STEPS.iter().rev().for_each(|step| (step.suspend)());
    let outcome = if sched::suspend(platform().suspend_record()) {
        Outcome::Cancelled
    } else {
        Outcome::Restored
    };
    if outcome == Outcome::Restored {
        RESTORES.fetch_add(1, Ordering::Relaxed);
    }
    STEPS.iter().for_each(|step| (step.resume)(outcome));
    outcome
}
