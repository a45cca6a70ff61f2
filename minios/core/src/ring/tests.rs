// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{BackRing, Corrupt, FakePage, FrontRing, RingMemory};
use xen_abi::ring::{REQ_EVENT, REQ_PROD, RSP_PROD, SLOTS};

type Back = BackRing<FakePage, 8>;

fn ends() -> (FrontRing<FakePage>, Back, FakePage) {
    let page = FakePage::default();
    let front = FrontRing::new(page.clone(), 8);
    (front, BackRing::attach(page.clone()), page)
}

/// Takes the next request.
fn next(back: &mut Back) -> Option<u64> {
    (back.available().unwrap() > 0).then(|| {
        let request = back.peek(0);
        back.consume(1);
        u64::from_le_bytes(request)
    })
}

#[test]
fn requests_and_responses_go_round() {
    let (mut front, mut back, _) = ends();
    for round in 0..1000_u64 {
        assert_eq!(front.produce(&round), Some(u32::try_from(round).unwrap()));
        assert_eq!(next(&mut back), None, "not published yet");
        assert_eq!(front.publish(), round == 0, "the backend asked once");
        assert_eq!(next(&mut back), Some(round));
        back.respond(&(round + 1).to_le_bytes());
        let _ = back.publish();
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
    assert_eq!(back.available(), Ok(256));
    next(&mut back).unwrap();
    back.respond(&[0; 8]);
    let _ = back.publish();
    front.consume::<u64>().unwrap();
    assert_eq!(front.free(), 1);
}

#[test]
fn requests_are_seen_ahead() {
    let (_, mut back, page) = ends();
    page.write(SLOTS + 8, &[7; 8]);
    page.store_u32(REQ_PROD, 2);
    assert_eq!((back.available(), back.peek(1)), (Ok(2), [7; 8]));
    back.consume(2);
    assert_eq!(back.available(), Ok(0));
    back.respond(&[1, 2, 3, 4]);
    assert_eq!(page.load_u32(RSP_PROD), 0, "not yet published");
    assert!(back.publish());
    assert_eq!(page.load_u32(RSP_PROD), 1);
    back.respond(&[1, 2, 3, 4]);
    assert!(!back.publish(), "the frontend asked for no event there");
    assert!(!back.publish(), "nothing new");
    assert_eq!(back.request_event(1), Ok(false));
    assert_eq!(page.load_u32(REQ_EVENT), 3);
    page.store_u32(REQ_PROD, 3);
    assert_eq!(back.request_event(1), Ok(true), "came meanwhile");
}

#[test]
fn events_are_for_those_who_asked() {
    let (mut front, mut back, _) = ends();
    front.produce(&1_u64);
    assert!(front.publish());
    front.produce(&2_u64);
    assert!(!front.publish(), "the backend has not asked again");
    assert_eq!(back.request_event(1), Ok(true), "there is something already");
    back.consume(2);
    assert_eq!(back.request_event(1), Ok(false));
    front.produce(&3_u64);
    assert!(front.publish());
    assert!(!front.publish(), "nothing new");
}

#[test]
fn impossible_indices_are_errors() {
    let (mut front, back, page) = ends();
    page.store_u32(RSP_PROD, 1);
    assert_eq!(front.consume::<u64>(), Err(Corrupt), "nothing was asked");
    front.produce(&1_u64);
    front.publish();
    assert!(front.consume::<u64>().unwrap().is_some());
    for index in [257, u32::MAX, 1 << 31] {
        page.store_u32(REQ_PROD, index);
        assert_eq!(back.available(), Err(Corrupt));
    }
    page.store_u32(REQ_PROD, 256);
    assert_eq!(back.available(), Ok(256));
}
