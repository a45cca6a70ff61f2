// SPDX-License-Identifier: MIT OR Apache-2.0
//! A trail never says anything else than a walk would.
use std::cell::RefCell;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::hvm::paging::{CR0_PE, CR0_PG, CR0_WP, CR4_PAE, EFER_LMA};

/// Pages of memory; physical and machine addresses are the same.
const PAGES: u64 = 8;

/// Memory by words.
struct Words(RefCell<Vec<u64>>);

impl Words {
    fn index(at: u64) -> usize {
        usize::try_from(at / 8).unwrap()
    }

    fn read(&self, at: u64) -> Option<u64> {
        self.0.borrow().get(Self::index(at)).copied()
    }

    fn write(&self, at: u64, word: u64) {
        self.0.borrow_mut()[Self::index(at)] = word;
    }

    /// A new walk.
    fn walk(&self, purpose: &Purpose) -> Option<(Trail, Maddr)> {
        let recorder = Recorder::default();
        let read = |at| {
            let word = self.read(at)?;
            recorder.read(Maddr::new(at), word);
            Some(word)
        };
        let found = purpose.paging.translate_and_mark(
            purpose.page,
            purpose.access,
            read,
            |at, _, new| {
                self.write(at, new);
                recorder.marked();
                Some(true)
            },
        )?;
        (found < PAGES * PAGE)
            .then(|| (recorder.finish(*purpose, Maddr::new(found)), Maddr::new(found)))
    }

    fn follow(&self, trail: &Trail, purpose: &Purpose) -> Option<Maddr> {
        trail.follow(purpose, |at| self.read(at.get()).unwrap())
    }
}

fn long(cr3: u64, user: bool) -> Paging {
    Paging { cr0: CR0_PG | CR0_PE | CR0_WP, cr3, cr4: CR4_PAE, efer: EFER_LMA, user }
}

/// Tables in pages 1 to 4, the page behind them 5.
fn simple() -> Words {
    let words = Words(RefCell::new(std::vec![0; Words::index(PAGES * PAGE)]));
    for level in 1..=4 {
        words.write(level * PAGE, ((level + 1) * PAGE) | 7);
    }
    words
}

#[test]
fn any_change_on_the_way_ends_it() {
    let words = simple();
    let purpose = Purpose::new(0x123, Access::Write, long(PAGE, false), 3);
    // The first walk leaves marks, which the second one finds.
    let _ = words.walk(&purpose).unwrap();
    let (trail, page) = words.walk(&purpose).unwrap();
    assert_eq!((page, words.follow(&trail, &purpose)), (Maddr::new(5 * PAGE), Some(page)));
    for level in 1..=4 {
        let before = words.read(level * PAGE).unwrap();
        words.write(level * PAGE, before ^ 2);
        assert_eq!(words.follow(&trail, &purpose), None, "{level}");
        words.write(level * PAGE, before);
    }
    let others = [
        Purpose { losses: 4, ..purpose },
        Purpose { access: Access::Read, ..purpose },
        Purpose { page: PAGE, ..purpose },
        Purpose { paging: long(PAGE, true), ..purpose },
    ];
    assert!(others.iter().all(|other| words.follow(&trail, other).is_none()));
    assert_eq!(words.follow(&Trail::NONE, &purpose), None);
}

#[test]
fn marks_that_the_guest_takes_away_are_made_again() {
    let words = simple();
    let entries = || [1, 2, 3, 4].map(|level| words.read(level * PAGE).unwrap());
    let unmarked = entries();
    let purpose = Purpose::new(0, Access::Write, long(PAGE, false), 0);
    let (first, page) = words.walk(&purpose).unwrap();
    let marked = entries();
    let (second, _) = words.walk(&purpose).unwrap();
    assert_eq!(words.follow(&second, &purpose), Some(page));
    for (level, entry) in (1..).zip(unmarked) {
        words.write(level * PAGE, entry);
    }
    assert_eq!([first, second].map(|trail| words.follow(&trail, &purpose)), [None; 2]);
    words.walk(&purpose).unwrap();
    assert_eq!(entries(), marked);
}

proptest! {
    #[test]
    fn a_trail_agrees_with_a_walk(
        steps in prop::collection::vec((1..5u64, 0..2u64, 0..PAGES, 0..8u64, 0..2u64, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let words = simple();
        let mut trail = Trail::NONE;
        for (table, slot, target, rights, page, write, user) in steps {
            words.write(table * PAGE + slot * 8, (target * PAGE) | rights);
            let access = if write { Access::Write } else { Access::Read };
            let purpose = Purpose::new(page * PAGE, access, long(PAGE, user), 0);
            let followed = words.follow(&trail, &purpose);
            let walked = words.walk(&purpose);
            if let Some(page) = followed {
                prop_assert_eq!(walked.map(|(_, page)| page), Some(page));
            }
            if let Some((new, _)) = walked {
                trail = new;
            }
        }
    }
}
