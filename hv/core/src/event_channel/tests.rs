// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of event channels: errnos, both ends, the shared bits, and advisories by number.

use super::audit;
use super::pair::{self, Tables};
use super::port::{Channel, Port, Target};
use super::raise::{self, Raised};
use super::table::{Bucket, EventTable, PORTS_PER_BUCKET};
use crate::supply::Supply;
use proptest::prelude::*;
use std::boxed::Box;
use std::sync::atomic::Ordering::Relaxed;
use std::vec::Vec;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::{EvtchnPort, Virq};
use xen_abi::shared_info::{SharedInfo, VcpuInfo};

const DOM0: DomId = DomId::DOM0;

/// Hands out pages until its budget is spent.
struct Pages(usize);

impl Supply<'static, Bucket> for Pages {
    fn page(&mut self) -> Result<&'static mut Bucket, Errno> {
        self.0 = self.0.checked_sub(1).ok_or(Errno::Enomem)?;
        Ok(Box::leak(Box::new([Port::CLOSED; PORTS_PER_BUCKET])))
    }
}

fn table(domain: u16) -> EventTable<'static> {
    let mut table = EventTable::new(DomId::new(domain), 4095);
    table.set_vcpus(1);
    table
}

fn port(number: u32) -> EvtchnPort {
    EvtchnPort::new(number)
}

fn virq(table: &mut EventTable<'static>, virq: Virq, vcpu: u32) -> Result<EvtchnPort, Errno> {
    table.bind_virq(virq, vcpu, DOM0, &mut Pages(9))
}

fn consistent(tables: &[&EventTable<'static>]) -> Result<(), audit::Difference> {
    let find = |domain: DomId, port| {
        let table = tables.iter().find(|table| table.domain() == domain)?;
        table.port(port).ok().map(|port| port.channel)
    };
    tables.iter().try_for_each(|table| audit::check(table, find))
}

#[test]
fn ports_start_at_one_and_are_reused_lowest_first() {
    let mut table = table(1);
    for expected in 1..=5 {
        assert_eq!(table.alloc_unbound(DOM0, &mut Pages(1)), Ok(port(expected)));
    }
    for closed in [4, 2] {
        assert!(pair::close(&mut Tables::Same(&mut table), port(closed)).is_ok());
    }
    for expected in [2, 4, 6] {
        assert_eq!(table.bind_ipi(0, &mut Pages(1)), Ok(port(expected)));
    }
}

#[test]
fn all_ports_and_no_more() {
    let mut table = table(1);
    for expected in 1..4096 {
        assert_eq!(table.alloc_unbound(DOM0, &mut Pages(1)), Ok(port(expected)));
    }
    assert_eq!(table.alloc_unbound(DOM0, &mut Pages(1)), Err(Errno::Enospc));
    assert!(table.is_valid(port(4095)) && !table.is_valid(port(4096)));
    let mut small = EventTable::new(DOM0, 3);
    let made = (0..9).map_while(|_| small.alloc_unbound(DOM0, &mut Pages(1)).ok()).count();
    assert_eq!(made, 3);
}

#[test]
fn a_connection_has_two_ends_and_falls_back_to_an_offer() {
    let (mut front, mut back) = (table(1), table(0));
    let offered = front.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    assert_eq!(front.target(offered), Ok(Target::Nobody));
    let bound = pair::bind_interdomain(
        &mut Tables::Two { local: &mut back, remote: &mut front },
        offered,
        &mut Pages(1),
    )
    .unwrap();
    assert_eq!(front.target(offered), Ok(Target::Remote { domain: DOM0, port: bound }));
    assert_eq!(consistent(&[&front, &back]), Ok(()));
    assert_eq!(pair::peer(&back, bound), Ok(Some(DomId::new(1))));
    let mut both = Tables::Two { local: &mut back, remote: &mut front };
    assert!(pair::close(&mut both, bound).is_ok());
    assert_eq!(front.port(offered).unwrap().channel, Channel::Unbound { remote: DOM0 });
    assert_eq!(back.port(bound).unwrap().channel, Channel::Closed);
}

#[test]
fn a_domain_connects_to_itself() {
    let mut table = table(3);
    let offered = table.alloc_unbound(DomId::new(3), &mut Pages(1)).unwrap();
    let mut same = Tables::Same(&mut table);
    let bound = pair::bind_interdomain(&mut same, offered, &mut Pages(1)).unwrap();
    assert_eq!(table.target(bound), Ok(Target::Own { port: offered, vcpu: 0 }));
    assert_eq!(table.target(offered), Ok(Target::Own { port: bound, vcpu: 0 }));
    assert_eq!(consistent(&[&table]), Ok(()));
    assert!(pair::close(&mut Tables::Same(&mut table), offered).is_ok());
    let channel = Channel::Unbound { remote: DomId::new(3) };
    assert_eq!(table.port(bound).unwrap().channel, channel);
}

#[test]
fn only_the_invited_domain_may_connect() {
    let (mut front, mut other) = (table(1), table(2));
    let offered = front.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    for wrong in [offered, port(0), port(9), port(4095), port(4096), port(u32::MAX)] {
        let mut both = Tables::Two { local: &mut other, remote: &mut front };
        assert_eq!(pair::bind_interdomain(&mut both, wrong, &mut Pages(1)), Err(Errno::Einval));
    }
    assert_eq!(other.next_in_use(port(0)), None);
}

#[test]
fn virq_rules() {
    let mut dom0 = table(0);
    let mut domu = table(1);
    assert_eq!(virq(&mut domu, Virq::new(24), 0), Err(Errno::Einval));
    assert_eq!(virq(&mut domu, Virq::CONSOLE, 1), Err(Errno::Einval));
    assert_eq!(virq(&mut domu, Virq::TIMER, 1), Err(Errno::Enoent));
    assert_eq!(virq(&mut domu, Virq::ARGO, 0), Ok(port(1)));
    assert_eq!(virq(&mut domu, Virq::TIMER, 0), Ok(port(2)));
    assert_eq!(virq(&mut domu, Virq::TIMER, 0), Err(Errno::Eexist));
    assert_eq!(domu.virq_port(Virq::TIMER, 0), Some(port(2)));
    assert_eq!(virq(&mut dom0, Virq::CONSOLE, 0), Ok(port(1)));
    assert_eq!(domu.target(port(2)), Err(Errno::Einval));
    assert!(pair::close(&mut Tables::Same(&mut domu), port(2)).is_ok());
    assert_eq!(domu.virq_port(Virq::TIMER, 0), None);
    assert_eq!(virq(&mut domu, Virq::TIMER, 0), Ok(port(2)));
}

#[test]
fn bind_vcpu_rules() {
    let mut table = table(0);
    let ipi = table.bind_ipi(0, &mut Pages(1)).unwrap();
    let timer = virq(&mut table, Virq::TIMER, 0).unwrap();
    let global = virq(&mut table, Virq::CONSOLE, 0).unwrap();
    let offered = table.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    assert_eq!(table.bind_vcpu(offered, 1), Err(Errno::Enoent));
    for (target, result) in [
        (ipi, Err(Errno::Einval)),
        (timer, Err(Errno::Einval)),
        (global, Ok(())),
        (offered, Ok(())),
        (port(60), Err(Errno::Einval)),
        (port(5000), Err(Errno::Einval)),
    ] {
        assert_eq!(table.bind_vcpu(target, 0), result, "port {target}");
    }
}

#[test]
fn closing_what_is_not_open() {
    let mut table = table(1);
    for wrong in [0, 7, 64, 4096, u32::MAX] {
        let result = pair::close(&mut Tables::Same(&mut table), port(wrong));
        assert_eq!(result, Err(Errno::Einval));
    }
}

#[test]
fn close_wants_the_right_peer() {
    let (mut front, mut back, mut other) = (table(1), table(0), table(2));
    let offered = front.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    let mut both = Tables::Two { local: &mut back, remote: &mut front };
    let bound = pair::bind_interdomain(&mut both, offered, &mut Pages(1)).unwrap();
    let mut wrong = Tables::Two { local: &mut back, remote: &mut other };
    assert_eq!(pair::close(&mut wrong, bound), Err(Errno::Eagain));
    assert_eq!(consistent(&[&front, &back]), Ok(()));
}

#[test]
fn raising_goes_step_by_step() {
    let (shared, info) = (SharedInfo::default(), VcpuInfo::default());
    assert_eq!(raise::raise(&shared, &info, port(70)), Raised::Upcall);
    assert_eq!(shared.evtchn_pending[1].load(Relaxed), 1 << 6);
    assert_eq!(info.evtchn_pending_sel.load(Relaxed), 2);
    assert_eq!(info.evtchn_upcall_pending.load(Relaxed), 1);
    assert_eq!(raise::raise(&shared, &info, port(70)), Raised::Already);
    assert_eq!(raise::raise(&shared, &info, port(71)), Raised::Marked);
    info.evtchn_pending_sel.store(0, Relaxed);
    assert_eq!(raise::raise(&shared, &info, port(72)), Raised::Marked);
    assert_eq!(info.evtchn_pending_sel.load(Relaxed), 2);
    assert_eq!(raise::raise(&shared, &info, port(4096)), Raised::Already);
    assert!(raise::is_deliverable(&info));
    info.evtchn_upcall_mask.store(1, Relaxed);
    assert!(!raise::is_deliverable(&info));
}

#[test]
fn a_masked_event_waits_for_unmask() {
    let (shared, info) = (SharedInfo::default(), VcpuInfo::default());
    shared.evtchn_mask[0].store(1 << 3, Relaxed);
    assert_eq!(raise::unmask(&shared, &info, port(3)), Raised::Already);
    shared.evtchn_mask[0].store(1 << 3, Relaxed);
    assert_eq!(raise::raise(&shared, &info, port(3)), Raised::Marked);
    assert_eq!(info.evtchn_pending_sel.load(Relaxed), 0);
    assert_eq!(raise::unmask(&shared, &info, port(3)), Raised::Upcall);
    assert_eq!(raise::unmask(&shared, &info, port(3)), Raised::Already);
    raise::clear(&shared, port(3));
    assert!(!raise::is_pending(&shared, port(3)));
}

#[test]
fn after_a_move_everything_is_pending() {
    let info = VcpuInfo::default();
    assert_eq!(raise::mark_all(&info), Raised::Upcall);
    assert_eq!(info.evtchn_pending_sel.load(Relaxed), u64::MAX);
}

/// An allocation that fails leaves nothing behind.
#[test]
fn xsa_317_a_failed_page_changes_nothing() {
    let (mut front, mut back) = (table(1), table(0));
    assert_eq!(front.alloc_unbound(DOM0, &mut Pages(0)), Err(Errno::Enomem));
    assert_eq!(virq(&mut front, Virq::TIMER, 0), Ok(port(1)));
    for _ in 2..256 {
        front.bind_ipi(0, &mut Pages(1)).unwrap();
    }
    assert_eq!(front.bind_ipi(0, &mut Pages(0)), Err(Errno::Enomem));
    assert_eq!(front.bind_pirq(3, &mut Pages(0)), Err(Errno::Enomem));
    let offered = front.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    let mut both = Tables::Two { local: &mut back, remote: &mut front };
    let failed = pair::bind_interdomain(&mut both, offered, &mut Pages(0));
    assert_eq!(failed, Err(Errno::Enomem));
    assert_eq!(front.port(offered).unwrap().channel, Channel::Unbound { remote: DOM0 });
    assert_eq!(front.bind_ipi(0, &mut Pages(0)), Ok(port(257)));
}

/// All ports of a domain close one by one, so that the caller can stop in between.
#[test]
fn xsa_344_ports_close_in_steps() {
    let mut table = table(1);
    while table.alloc_unbound(DOM0, &mut Pages(1)).is_ok() {}
    let mut closed = 0;
    while let Some(next) = table.next_in_use(port(0)) {
        pair::close(&mut Tables::Same(&mut table), next).unwrap();
        closed += 1;
    }
    assert_eq!(closed, 4095);
    assert_eq!(std::iter::from_fn(|| table.take_bucket()).count(), 16);
}

/// A refused bind leaves the other domain's binding alone.
#[test]
fn xsa_496_a_refused_virq_clears_nothing() {
    let (mut dom0, mut domu) = (table(0), table(1));
    let bound = virq(&mut dom0, Virq::DOM_EXC, 0).unwrap();
    assert_eq!(virq(&mut domu, Virq::DOM_EXC, 0), Err(Errno::Ebusy));
    assert_eq!(virq(&mut dom0, Virq::DOM_EXC, 0), Err(Errno::Eexist));
    assert_eq!(dom0.virq_port(Virq::DOM_EXC, 0), Some(bound));
    assert_eq!(consistent(&[&dom0, &domu]), Ok(()));
}

/// No port appears in a table that is being taken apart.
#[test]
fn xsa_342_a_dying_domain_gets_no_port() {
    let mut table = table(1);
    table.alloc_unbound(DOM0, &mut Pages(1)).unwrap();
    table.start_dying();
    assert_eq!(table.alloc_unbound(DOM0, &mut Pages(1)), Err(Errno::Einval));
    assert_eq!(virq(&mut table, Virq::TIMER, 0), Err(Errno::Einval));
}

#[derive(Clone, Debug)]
enum Step {
    Offer(usize, u16),
    Connect(usize, usize, u32),
    Virq(usize, u32),
    Ipi(usize),
    Close(usize, u32),
    Move(usize, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..3, 0u16..3).prop_map(|(domain, remote)| Step::Offer(domain, remote)),
        (0usize..3, 0usize..3, 0u32..12).prop_map(|(a, b, port)| Step::Connect(a, b, port)),
        (0usize..3, 0u32..26).prop_map(|(domain, virq)| Step::Virq(domain, virq)),
        (0usize..3).prop_map(Step::Ipi),
        (0usize..3, 0u32..12).prop_map(|(domain, port)| Step::Close(domain, port)),
        (0usize..3, 0u32..12).prop_map(|(domain, port)| Step::Move(domain, port)),
    ]
}

fn tables_of<'t>(
    tables: &'t mut [EventTable<'static>],
    local: usize,
    remote: usize,
) -> Tables<'t, 'static> {
    if local == remote {
        return Tables::Same(&mut tables[local]);
    }
    let [local, remote] = tables.get_disjoint_mut([local, remote]).unwrap();
    Tables::Two { local, remote }
}

proptest! {
    #[test]
    fn whatever_happens_both_ends_agree(steps in prop::collection::vec(step(), 0..120)) {
        let mut tables: Vec<_> = (0..3).map(table).collect();
        for step in steps {
            match step {
                Step::Offer(at, remote) => {
                    let _ = tables[at].alloc_unbound(DomId::new(remote), &mut Pages(1));
                }
                Step::Connect(a, b, number) => {
                    let mut both = tables_of(&mut tables, a, b);
                    let _ = pair::bind_interdomain(&mut both, port(number), &mut Pages(1));
                }
                Step::Virq(at, number) => {
                    let _ = virq(&mut tables[at], Virq::new(number), 0);
                }
                Step::Ipi(at) => {
                    let _ = tables[at].bind_ipi(0, &mut Pages(1));
                }
                Step::Close(at, number) => {
                    if let Ok(peer) = pair::peer(&tables[at], port(number)) {
                        let other = peer.map_or(at, |peer| usize::from(peer.get()));
                        let mut both = tables_of(&mut tables, at, other);
                        prop_assert!(pair::close(&mut both, port(number)).is_ok());
                    }
                }
                Step::Move(at, number) => {
                    let _ = tables[at].bind_vcpu(port(number), 0);
                }
            }
            let all: Vec<_> = tables.iter().collect();
            prop_assert_eq!(consistent(&all), Ok(()));
        }
    }

    #[test]
    fn bits_of_no_port_are_never_touched(number in 4096u32..) {
        let (shared, info) = (SharedInfo::default(), VcpuInfo::default());
        prop_assert_eq!(raise::raise(&shared, &info, port(number)), Raised::Already);
        prop_assert_eq!(raise::unmask(&shared, &info, port(number)), Raised::Already);
        prop_assert!(!raise::is_pending(&shared, port(number)));
        prop_assert_eq!(info.evtchn_upcall_pending.load(Relaxed), 0);
    }
}
