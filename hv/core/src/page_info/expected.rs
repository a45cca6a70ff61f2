// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Expected`]: what an audit has counted for a frame.
use core::sync::atomic::{AtomicU64, Ordering};

/// References found by [`crate::audit::Audit`].
#[derive(Debug, Default)]
pub(crate) struct Expected {
    general: AtomicU64,
    typed: AtomicU64,
}

/// In [`Expected::typed`]: a reference was for another type than the frame's.
const WRONG_TYPE: u64 = 1 << 63;

impl Expected {
    /// Nothing found yet.
    pub(crate) fn clear(&self) {
        self.general.store(0, Ordering::Relaxed);
        self.typed.store(0, Ordering::Relaxed);
    }

    /// One general reference found.
    pub(crate) fn add_general(&self) {
        self.general.fetch_add(1, Ordering::Relaxed);
    }

    /// One type reference found, for the frame's type or for another.
    pub(crate) fn add_typed(&self, right: bool) {
        if right {
            self.typed.fetch_add(1, Ordering::Relaxed);
        } else {
            self.typed.fetch_or(WRONG_TYPE, Ordering::Relaxed);
        }
    }

    /// General references found.
    pub(crate) fn general(&self) -> u64 {
        self.general.load(Ordering::Relaxed)
    }

    /// Type references found, if all were for the frame's type.
    pub(crate) fn typed(&self) -> Option<u64> {
        Some(self.typed.load(Ordering::Relaxed)).filter(|typed| typed & WRONG_TYPE == 0)
    }
}
