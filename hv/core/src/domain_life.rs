// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain's life: paused, running, shut down, dying, gone.
//!
//! A new domain is paused once, by its creator. Shutdown is the guest's own end: its vcpus stop,
//! its memory stays, and a toolstack looks at the reason and may resume it (after a suspend).
//! Dying is forced and cannot be undone; what the domain holds is then given back step by step,
//! and the domain is gone when its last frame is free, which others may hold back for as long as
//! they have mapped its grants.

use xen_abi::errno::Errno;

/// The most pauses of one domain; more is a toolstack's mistake.
const MAX_PAUSES: u32 = 1 << 16;

/// How far destruction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destruction {
    NotBegun,
    /// Resources are being given back.
    UnderWay,
    /// Only frames that others refer to are left.
    Done,
}

/// Where a domain is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pauses: u32,
    dying: Destruction,
    shutdown: Option<u8>,
    /// What the guest said its next shutdown will be for.
    announced: Option<u8>,
}

impl Life {
    /// A domain just created: paused once, by the one who created it.
    #[must_use]
    pub const fn created() -> Self {
        Self { pauses: 1, dying: Destruction::NotBegun, shutdown: None, announced: None }
    }

    /// Whether vcpus of the domain may run.
    #[must_use]
    pub const fn may_run(&self) -> bool {
        self.pauses == 0 && self.shutdown.is_none() && matches!(self.dying, Destruction::NotBegun)
    }

    /// Whether the toolstack has paused it.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.pauses > 0
    }

    /// Whether it is being destroyed: nothing new may be given to it.
    #[must_use]
    pub const fn is_dying(&self) -> bool {
        !matches!(self.dying, Destruction::NotBegun)
    }

    /// Whether it gave back all it could.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        matches!(self.dying, Destruction::Done)
    }

    /// Why it shut down (`SHUTDOWN_*` of `public/sched.h`), if it did.
    #[must_use]
    pub const fn shutdown_code(&self) -> Option<u8> {
        self.shutdown
    }

    /// The toolstack pauses it once more.
    pub fn pause(&mut self) -> Result<(), Errno> {
        if self.pauses >= MAX_PAUSES {
            return Err(Errno::Eoverflow);
        }
        self.pauses = self.pauses.saturating_add(1);
        Ok(())
    }

    /// The toolstack takes one pause back; `EINVAL` if there is none.
    pub fn unpause(&mut self) -> Result<(), Errno> {
        self.pauses = self.pauses.checked_sub(1).ok_or(Errno::Einval)?;
        Ok(())
    }

    /// The guest ends, or is ended by a crash. The first reason stays. Returns whether this call
    /// changed anything, that is, whether the toolstack is to be told.
    pub fn shut_down(&mut self, code: u8) -> bool {
        let changed = self.shutdown.is_none() && !self.is_dying();
        if changed {
            self.shutdown = Some(self.announced.unwrap_or(code));
        }
        changed
    }

    /// The guest says why it will end; whoever ends it then, this is the reason.
    pub fn announce(&mut self, code: u8) {
        self.announced.get_or_insert(code);
    }

    /// Takes a shutdown back, after a suspend; `EINVAL` if it was none.
    pub fn resume(&mut self, suspend_code: u8) -> Result<(), Errno> {
        match self.shutdown {
            Some(code) if code == suspend_code && !self.is_dying() => {
                self.shutdown = None;
                self.announced = None;
                Ok(())
            }
            _ => Err(Errno::Einval),
        }
    }

    /// Destruction begins. Returns whether it had not begun before.
    pub fn start_dying(&mut self) -> bool {
        let first = !self.is_dying();
        if first {
            self.dying = Destruction::UnderWay;
        }
        first
    }

    /// All that the domain itself held is given back.
    pub fn finish_dying(&mut self) {
        self.dying = Destruction::Done;
    }
}

#[cfg(test)]
mod tests;
