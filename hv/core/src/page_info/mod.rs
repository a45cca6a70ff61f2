// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`PageInfo`]: what the hypervisor knows about one machine frame.
//!
//! Two words carry everything that decides who may do what, each changed by compare-exchange:
//! - the *state*: owner, number of general references, and what the frame is used for;
//! - the *type*: how guests may use the contents, and the number of uses ([`crate::page_type`]).
//!
//! A frame table of zero bytes is valid: every frame then belongs to the hypervisor.
#[cfg(debug_assertions)]
mod expected;
mod state;
#[cfg(test)]
mod tests;
mod type_word;

pub use state::{Put, State};
pub use type_word::{PageType, TypeWord};

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

/// The bookkeeping of one frame.
#[derive(Debug, Default)]
#[repr(C)]
pub struct PageInfo {
    state: AtomicU64,
    type_word: AtomicU64,
    /// Neighbours in a free list or in the owner's page list.
    next: Link,
    prev: Link,
    /// Next table that waits for its devalidation to go on.
    pub(crate) work: Link,
    /// The TLB clock when the frame last lost a use.
    tlb_stamp: AtomicU32,
    /// What the last audit found.
    #[cfg(debug_assertions)]
    expected: expected::Expected,
}

const _: () = assert!(size_of::<PageInfo>() == if cfg!(debug_assertions) { 48 } else { 32 });

/// The number of another frame, or none. Zero bytes are none.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Link(AtomicU32);

impl Link {
    /// No frame.
    #[must_use]
    pub const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The frame linked to.
    pub fn get(&self) -> Option<Mfn> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            mfn => Some(Mfn::new(u64::from(mfn))),
        }
    }

    /// Links to `mfn`. Frame 0 is never linked: it is not given to the allocator.
    ///
    /// # Panics
    /// If the number has more than 32 bits: the frame table covers no such frame.
    pub fn set(&self, mfn: Option<Mfn>) {
        let raw = mfn.map_or(Ok(0), |mfn| u32::try_from(mfn.get()));
        assert!(raw.is_ok(), "frame number beyond the frame table");
        self.0.store(raw.unwrap_or(0), Ordering::Relaxed);
    }
}

impl PageInfo {
    /// The next frame in the list that holds this one.
    pub(crate) fn next(&self) -> &Link {
        &self.next
    }

    /// The previous frame in the list that holds this one.
    pub(crate) fn prev(&self) -> &Link {
        &self.prev
    }

    /// What the running audit has found.
    #[cfg(debug_assertions)]
    pub(crate) fn expected(&self) -> &expected::Expected {
        &self.expected
    }

    /// The current state word.
    #[must_use]
    pub fn state(&self) -> State {
        State::from_raw(self.state.load(Ordering::Acquire))
    }

    /// The current type word.
    #[must_use]
    pub fn type_word(&self) -> TypeWord {
        TypeWord::from_raw(self.type_word.load(Ordering::Acquire))
    }

    /// Sets the state of a frame that nobody else can reach (fresh from, or on its way to, the
    /// allocator, or at boot).
    pub fn set_state(&self, state: State) {
        self.state.store(state.raw(), Ordering::Release);
    }

    /// Replaces the type word `old` by `new`; false where it was no longer `old`.
    pub(crate) fn exchange_type(&self, old: TypeWord, new: TypeWord) -> bool {
        self.type_word
            .compare_exchange(old.raw(), new.raw(), Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Changes the type word by `change` until that succeeds, or refuses with `None`.
    /// Returns the old word.
    pub(crate) fn update_type(
        &self,
        mut change: impl FnMut(TypeWord) -> Option<TypeWord>,
    ) -> Result<TypeWord, TypeWord> {
        self.type_word
            .try_update(Ordering::AcqRel, Ordering::Acquire, |raw| {
                change(TypeWord::from_raw(raw)).map(TypeWord::raw)
            })
            .map(TypeWord::from_raw)
            .map_err(TypeWord::from_raw)
    }

    fn update_state(&self, mut change: impl FnMut(State) -> Option<State>) -> Result<State, State> {
        self.state
            .try_update(Ordering::AcqRel, Ordering::Acquire, |raw| {
                change(State::from_raw(raw)).map(State::raw)
            })
            .map(State::from_raw)
            .map_err(State::from_raw)
    }

    /// Takes a general reference if `owner` owns the frame.
    #[must_use]
    pub fn get(&self, owner: DomId) -> bool {
        self.update_state(|state| state.referenced_by(owner)).is_ok()
    }

    /// Takes a general reference whoever owns the frame, and says who does; `None` where nobody
    /// holds one (the frame is free, device memory or the hypervisor's own).
    #[must_use]
    pub fn get_any(&self) -> Option<DomId> {
        self.update_state(State::referenced).ok().map(State::owner)
    }

    /// Drops a general reference.
    ///
    /// # Panics
    /// If there is none: the caller's books are wrong.
    #[inline]
    pub fn put(&self) -> Put {
        let old = State::from_raw(self.state.fetch_sub(1, Ordering::AcqRel));
        assert!(old.count() > 0, "put of an unreferenced frame");
        if old.count() == 1 { Put::Last(old.owner()) } else { Put::Remains }
    }

    /// Drops a use as [`PageType::Writable`], which the caller holds; returns how many are left.
    ///
    /// # Panics
    /// If there is none: the caller's books are wrong.
    #[inline]
    pub(crate) fn put_writable(&self) -> u64 {
        let old = TypeWord::from_raw(self.type_word.fetch_sub(1, Ordering::AcqRel));
        debug_assert_eq!(old.page_type(), PageType::Writable, "another use");
        assert!(old.count() > 0, "put of an unused type");
        old.count().saturating_sub(1)
    }

    /// Takes away the reference which the allocation to `owner` itself holds; false where it is
    /// gone already or the frame is another's. The caller drops it with [`Self::put`].
    #[must_use]
    pub fn take_allocation(&self, owner: DomId) -> bool {
        self.update_state(|state| {
            let own = state.owner() == owner && state.is_allocated() && !state.is_shared();
            own.then(|| state.without_allocation())
        })
        .is_ok()
    }

    /// Takes away the reference which the hypervisor holds on a frame that it shares; false where
    /// it is gone already or the frame is not shared.
    #[must_use]
    pub(crate) fn take_sharing(&self) -> bool {
        self.update_state(|state| {
            (state.is_shared() && state.is_allocated()).then(|| state.without_allocation())
        })
        .is_ok()
    }

    /// Takes the frame away from `owner`, if nothing but the allocation refers to it: it is then
    /// the hypervisor's, without references. The caller takes it off the owner's page list.
    #[must_use]
    pub fn steal(&self, owner: DomId) -> bool {
        self.update_state(|state| {
            let alone = state == State::allocated(owner);
            alone.then_some(State::HYPERVISOR)
        })
        .is_ok()
    }

    /// Notes that the hypervisor itself writes to a frame that nobody else can reach yet.
    pub(crate) fn hold_writable(&self) {
        let writable = TypeWord::first_use(PageType::Writable, true);
        self.type_word.store(writable.raw(), Ordering::Release);
    }

    /// Notes that a frame which nobody else can reach yet was last written, so that the next use as
    /// [`PageType::Writable`] is only counted. TLBs know no earlier use.
    pub(crate) fn set_written(&self) {
        self.type_word.store(TypeWord::WRITTEN.raw(), Ordering::Release);
    }

    /// Forgets the type of a frame that leaves its owner.
    ///
    /// # Panics
    /// If the frame is still in use by its type.
    pub fn reset_type(&self) {
        let old = self.update_type(|word| word.is_idle().then_some(TypeWord::NONE));
        assert!(old.is_ok(), "a frame in use by its type was freed");
    }

    /// The TLB clock when the frame last lost a use.
    #[must_use]
    pub fn tlb_stamp(&self) -> u32 {
        self.tlb_stamp.load(Ordering::Relaxed)
    }

    /// Notes that the frame lost a use now: TLBs may still hold it.
    pub fn set_tlb_stamp(&self, clock: u32) {
        self.tlb_stamp.store(clock, Ordering::Relaxed);
    }
}
