// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two domains: the page of the domain created before this one (`pong`) is mapped here, and each
//! event to it is answered by an event.
#![no_std]
#![no_main]

use core::arch::x86_64::_rdtsc;
use minios::event_channel::EventChannel;
use minios::time::{Duration, Timer, with_timeout};
use minios::{DomId, Errno, EvtchnPort, GrantRef, xenstore};
use test_guests::own_domid;
use test_report::Report;

test_report::guest!(run);

const ROUNDS: u32 = 1000;
const PATIENCE: Duration = Duration::from_secs(10);

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("there is no other domain");
    }
    let peer = DomId::new(own_domid().await.get() - 1);
    let Some((port, grant)) = find(peer).await else {
        return report.error("the partner", "cannot be found");
    };
    if let Err(error) = play(report, peer, port, grant).await {
        report.error("the connection", error);
    }
}

/// Where the partner waits: its port and the grant of its page.
async fn find(peer: DomId) -> Option<(EvtchnPort, GrantRef)> {
    let path = alloc::format!("/local/domain/{}/data/pong", peer.get());
    for _ in 0..100 {
        if let Ok(place) = xenstore::read(&path).await
            && let Some((port, grant)) = place.split_once(' ')
        {
            let port = EvtchnPort::new(port.parse().ok()?);
            return Some((port, GrantRef::new(grant.parse().ok()?)));
        }
        Timer::after(Duration::from_millis(20)).await;
    }
    None
}

async fn play(
    report: &mut Report,
    peer: DomId,
    port: EvtchnPort,
    grant: GrantRef,
) -> Result<(), Errno> {
    let channel = EventChannel::bind_interdomain(peer, port)?;
    let page = minios::grant_table::map(peer, &[grant], false)?;
    let second = EventChannel::bind_interdomain(peer, port);
    report.expect("a port is bound once", second.err(), Some(Errno::Einval));
    // Binding makes the local port pending, and the partner may have answered it already.
    Timer::after(Duration::from_millis(5)).await;
    let _ = channel.take_pending();
    let before = page.load_u32(0);
    // SAFETY: reads a counter.
    let start = unsafe { _rdtsc() };
    for round in 1..=ROUNDS {
        channel.notify();
        if with_timeout(PATIENCE, channel.wait()).await.is_err() {
            report.error("an answer", alloc::format!("none in round {round}"));
            return Ok(());
        }
        report.equal("the number", page.load_u32(0), before.wrapping_add(round));
    }
    // SAFETY: reads a counter.
    let end = unsafe { _rdtsc() };
    report.figure("event to a blocked domain and its answer", (end - start) / u64::from(ROUNDS));
    Ok(())
}

extern crate alloc;
