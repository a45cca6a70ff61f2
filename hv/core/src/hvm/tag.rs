// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Tags`]: the numbers by which a processor tells cached translations of its guests apart, AMD's
//! ASIDs and Intel's VPIDs.
//!
//! A vCPU keeps its tag while it and its translations are good. To forget them it takes a new one:
//! nothing was ever cached under it. When all are used up, a *generation* ends: the processor forgets
//! everything, and each vCPU takes a new tag at its next entry. So a switch between guests costs no
//! translations, and nobody pays for those that another one loses.

#[cfg(test)]
mod tests;

/// The tags of one processor.
#[derive(Clone, Copy, Debug)]
pub struct Tags {
    count: u32,
    used: u32,
    generation: u64,
}

/// What a vCPU keeps of its tag; the default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    number: u32,
    generation: u64,
}

impl Tag {
    /// The number, from 1 on.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Tags {
    /// Tags 1 to `count`, at least one.
    #[must_use]
    pub const fn new(count: u32) -> Self {
        Self { count: if count == 0 { 1 } else { count }, used: 0, generation: 1 }
    }

    /// The tag with which a vCPU is entered that had `held`, and whether the processor must forget
    /// the translations of all tags first. `forget` says that the vCPU's own are no longer good.
    pub const fn enter(&mut self, held: Tag, forget: bool) -> (Tag, bool) {
        if held.generation == self.generation && !forget {
            return (held, false);
        }
        let is_full = self.used >= self.count;
        if is_full {
            self.used = 0;
            self.generation = self.generation.saturating_add(1);
        }
        self.used = self.used.saturating_add(1);
        (Tag { number: self.used, generation: self.generation }, is_full)
    }
}
