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

#[test]
fn a_published_p2m_agrees_with_the_m2p() {
    let fake = Fake::new();
    let (top, middle, list) = (30, 31, 32);
    fake.set(top, 0, Entry::new(middle));
    fake.set(middle, 0, Entry::new(list));
    // pfn 0 to 4: right, not the domain's, a hole, wrong, right.
    for (pfn, mfn) in [100, DOM0_FIRST, u64::MAX, 103, 104].into_iter().enumerate() {
        fake.set(list, pfn as u64, Entry::new(mfn));
    }
    let m2p = |mfn: Mfn| if mfn.get() == 103 { 77 } else { mfn.get() - 100 };
    let mut found = Vec::new();
    let count = p2m::check(&fake, DOM1, Mfn::new(top), 5, m2p, |wrong| found.push(wrong));
    assert_eq!(count, 1);
    assert_eq!(found, [p2m::Disagreement { pfn: 3, mfn: Mfn::new(103), m2p: 77 }]);
    assert_eq!(p2m::check(&fake, DOM0, Mfn::new(top), 5, m2p, |_| {}), 0);
    assert_eq!(p2m::check(&fake, DOM1, Mfn::new(1 << 40), u64::MAX, m2p, |_| {}), 0);
}
