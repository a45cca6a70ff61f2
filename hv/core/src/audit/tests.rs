// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use super::*;
use crate::page_type::tests::fake::{DOM0, DOM0_FIRST, DOM1, FRAMES, Fake, RW};

/// An L1 at frame 20 that maps frame 100 writable.
fn pinned() -> Fake {
    let fake = Fake::new();
    fake.map(20, 0, 100, RW);
    fake.types().pin(Mfn::new(20), Level::L1, DOM1).unwrap();
    fake
}

fn differences(fake: &Fake, known: impl FnOnce(&Audit<'_, Fake>)) -> Vec<(u64, u64)> {
    let audit = Audit::start(fake);
    known(&audit);
    let mut found = Vec::new();
    let count = audit.finish(|difference| found.push((difference.mfn.get(), difference.general)));
    assert_eq!(count, found.len() as u64);
    found
}

#[test]
fn right_books_have_no_differences() {
    assert_eq!(differences(&pinned(), |_| {}), []);
}

#[test]
fn a_lost_reference_is_found() {
    let fake = pinned();
    assert!(fake.page(200).get(DOM1));
    assert_eq!(differences(&fake, |_| {}), [(200, 1)]);
    assert_eq!(differences(&fake, |audit| audit.general(Mfn::new(200))), []);
}

#[test]
fn an_entry_without_its_references_is_found() {
    let fake = pinned();
    fake.map(20, 1, 300, RW);
    assert_eq!(differences(&fake, |_| {}), [(300, 2)]);
}

#[test]
fn a_use_as_another_type_is_found() {
    let fake = pinned();
    fake.types().get_descriptors(Mfn::new(200), DOM1).unwrap();
    let wrong = |audit: &Audit<'_, Fake>| audit.typed(Mfn::new(200), PageType::Writable);
    assert_eq!(differences(&fake, wrong), [(200, 2)]);
    let right = |audit: &Audit<'_, Fake>| audit.typed(Mfn::new(200), PageType::SegDesc);
    assert_eq!(differences(&fake, right), []);
}

#[test]
fn lists_hold_all_frames_of_their_owner() {
    let fake = Fake::new();
    let mut list = PageList::new();
    (DOM0_FIRST..FRAMES).for_each(|mfn| list.push_back(fake.frame_table(), Mfn::new(mfn)));
    assert!(Audit::start(&fake).is_complete(DOM0, &list));
    assert!(!Audit::start(&fake).is_complete(DOM1, &list));
    list.remove(fake.frame_table(), Mfn::new(DOM0_FIRST));
    assert!(!Audit::start(&fake).is_complete(DOM0, &list));
}
