// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::frame_table::FrameTable;
use crate::page_table::Level;

const DOM1: DomId = DomId::new(1);

#[test]
fn zero_is_the_hypervisors() {
    let page = PageInfo::default();
    assert_eq!(page.state(), State::HYPERVISOR);
    assert_eq!(page.state().owner(), DomId::XEN);
    assert!(!page.get(DomId::XEN));
    assert_eq!(page.get_any(), None);
    assert_eq!(page.type_word(), TypeWord::NONE);
}

#[test]
fn references_are_for_the_owner() {
    let page = PageInfo::default();
    page.set_state(State::allocated(DOM1));
    assert!(page.get(DOM1));
    assert!(!page.get(DomId::DOM0));
    assert_eq!(page.get_any(), Some(DOM1));
    assert_eq!(page.state().count(), 3);
    assert_eq!(page.put(), Put::Remains);
    assert_eq!(page.put(), Put::Remains);
    assert!(page.take_allocation(DOM1));
    assert!(!page.take_allocation(DOM1));
    assert_eq!(page.put(), Put::Last(DOM1));
}

#[test]
fn only_an_unused_frame_is_stolen() {
    let page = PageInfo::default();
    page.set_state(State::allocated(DOM1));
    assert!(page.get(DOM1));
    assert!(!page.steal(DOM1));
    let _ = page.put();
    assert!(!page.steal(DomId::DOM0));
    assert!(page.steal(DOM1));
    assert_eq!(page.state(), State::HYPERVISOR);
}

#[test]
fn shared_frames_are_not_the_owners_to_give() {
    let page = PageInfo::default();
    page.set_state(State::shared(DOM1));
    assert!(!page.take_allocation(DOM1));
    assert!(!page.steal(DOM1));
    assert!(page.get(DOM1));
}

#[test]
fn device_memory_takes_no_references() {
    let page = PageInfo::default();
    page.set_state(State::IO);
    assert!(page.state().is_io());
    assert!(!page.get(DomId::IO));
}

#[test]
fn type_words_keep_their_parts() {
    let word = TypeWord::partial(PageType::Table(Level::L3), 512).with_queued(true);
    assert_eq!(word.page_type(), PageType::Table(Level::L3));
    assert_eq!((word.progress(), word.count()), (512, 0));
    assert!(word.is_partial() && word.is_queued() && !word.is_pinned() && !word.is_idle());
    let word = TypeWord::first_use(PageType::SegDesc, true).with_pinned(true);
    assert_eq!(word.page_type(), PageType::SegDesc);
    assert!(word.is_validated() && word.is_pinned());
    assert_eq!(word.unused_once().map(TypeWord::count), Some(0));
}

#[test]
fn a_use_is_only_counted_where_nothing_else_is_to_be_done() {
    let writable = TypeWord::first_use(PageType::Writable, true);
    let table = TypeWord::first_use(PageType::Table(Level::L1), true);
    for word in [writable, table, table.with_pinned(true)] {
        let more = word.used_again(word.page_type()).unwrap();
        assert_eq!(more.count(), 2);
        assert_eq!(more.unused_again(), Some(word));
        assert_eq!(word.used_again(PageType::SegDesc), None);
    }
    // A frame that was only written may be written again; a table's last use ends its entries'.
    let unused = writable.unused_again().unwrap();
    assert_eq!(unused.used_again(PageType::Writable), Some(writable));
    assert_eq!(unused.unused_again(), None);
    assert_eq!(table.unused_again(), None);
    for word in [
        TypeWord::unused(PageType::Table(Level::L1)),
        TypeWord::partial(PageType::Table(Level::L1), 5),
        TypeWord::first_use(PageType::Table(Level::L1), false),
    ] {
        assert_eq!(word.used_again(PageType::Table(Level::L1)), None);
    }
}

#[test]
fn a_fresh_frame_is_written_like_one_that_was() {
    let pages = [PageInfo::default(), PageInfo::default()];
    let table = FrameTable::new(&pages);
    table.assign(Mfn::new(1), DOM1);
    let fresh = pages[1].type_word();
    assert!(fresh.is_idle());
    let used = fresh.used_again(PageType::Writable);
    assert_eq!(used, Some(TypeWord::first_use(PageType::Writable, true)));
    assert_eq!(used.and_then(TypeWord::unused_again), Some(fresh));
    assert_eq!(fresh.used_again(PageType::Table(Level::L1)), None);
    assert_eq!(fresh.used_again(PageType::SegDesc), None);
}

#[test]
fn only_the_owner_of_a_frame_in_use_gets_a_reference() {
    let (owner, other) = (DomId::new(3), DomId::new(4));
    for state in [State::allocated(owner), State::shared(owner)] {
        let page = PageInfo::default();
        page.set_state(state);
        assert!(page.get(owner));
        assert_eq!(page.state().count(), 2);
        assert!(!page.get(other));
    }
    for (state, owner) in
        [(State::HYPERVISOR, DomId::XEN), (State::IO, DomId::IO), (State::free(4), DomId::XEN)]
    {
        let page = PageInfo::default();
        page.set_state(state);
        assert!(!page.get(owner));
        assert_eq!(page.state(), state);
    }
}
