// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{BackRing, BadIndex, FrontRing, RingMemory};
use alloc::rc::Rc;
use core::cell::RefCell;
use xen_abi::ring::{REQ_PROD, RSP_PROD};

/// A page of both ends.
#[derive(Clone)]
struct Page(Rc<RefCell<[u8; 4096]>>);

impl Page {
    fn new() -> Self {
        Self(Rc::new(RefCell::new([0xaa; 4096])))
    }
}

impl RingMemory for Page {
    fn load_u32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        self.read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }
    fn store_u32(&self, offset: usize, value: u32) {
        self.write(offset, &value.to_le_bytes());
    }
    fn read(&self, offset: usize, to: &mut [u8]) {
        to.copy_from_slice(&self.0.borrow()[offset..offset + to.len()]);
    }
    fn write(&self, offset: usize, from: &[u8]) {
        self.0.borrow_mut()[offset..offset + from.len()].copy_from_slice(from);
    }
}

fn ends() -> (FrontRing<Page>, BackRing<Page>, Page) {
    let page = Page::new();
    let front = FrontRing::new(page.clone(), 8);
    (front, BackRing::new(page.clone(), 8), page)
}

#[test]
fn requests_and_responses_go_round() {
    let (mut front, mut back, _) = ends();
    for round in 0..1000_u64 {
        assert_eq!(front.produce(&round), Some(u32::try_from(round).unwrap()));
        assert_eq!(back.consume::<u64>(), Ok(None), "not published yet");
        assert_eq!(front.publish(), round == 0, "the backend asked once");
        assert_eq!(back.consume(), Ok(Some(round)));
        assert!(back.produce(&(round + 1)));
        assert!(!back.produce(&0_u64), "one response a request");
        back.publish();
        assert_eq!(front.consume::<u64>().unwrap().unwrap().1, round + 1);
    }
}

#[test]
fn a_ring_fills_up() {
    let (mut front, mut back, _) = ends();
    for _ in 0..front.size() {
        assert!(front.produce(&1_u64).is_some());
    }
    assert_eq!((front.free(), front.produce(&1_u64)), (0, None));
    front.publish();
    assert_eq!(back.pending(), Ok(256));
    back.consume::<u64>().unwrap();
    back.produce(&2_u64);
    back.publish();
    front.consume::<u64>().unwrap();
    assert_eq!(front.free(), 1);
}

#[test]
fn events_are_for_those_who_asked() {
    let (mut front, mut back, _) = ends();
    front.produce(&1_u64);
    assert!(front.publish());
    front.produce(&2_u64);
    assert!(!front.publish(), "the backend has not asked again");
    assert!(back.rearm(), "there is something already");
    back.consume::<u64>().unwrap();
    back.consume::<u64>().unwrap();
    assert!(!back.rearm());
    front.produce(&3_u64);
    assert!(front.publish());
    assert!(!front.publish(), "nothing new");
}

#[test]
fn impossible_indices_are_errors() {
    let (mut front, mut back, page) = ends();
    page.store_u32(RSP_PROD, 1);
    assert_eq!(front.consume::<u64>(), Err(BadIndex), "nothing was asked");
    front.produce(&1_u64);
    front.publish();
    assert!(front.consume::<u64>().unwrap().is_some());
    for index in [257, u32::MAX, 1 << 31] {
        page.store_u32(REQ_PROD, index);
        assert_eq!(back.pending(), Err(BadIndex));
        assert_eq!(back.consume::<u64>(), Err(BadIndex));
    }
}
