// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network frontend that lies: keys of no sense, rings that are not granted or not to this
//! backend, impossible indices, ids, sizes and offsets, packets that are none, states at random.
//! The backend refuses and drops, and serves an honest frontend of the same interface afterwards.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use minios::event_channel::EventChannel;
use minios::grant_table::{Grant, grant_access};
use minios::memory::SharedPages;
use minios::time::{Duration, Timer, with_timeout};
use minios::{DomId, Errno, net, xenstore};
use test_guests::random::Random;
use test_report::Report;
use xen_abi::ring::{REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, SLOTS};

test_report::guest!(run);

/// dom0's address on its switch.
const DOM0_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const FRONT: &str = "device/vif/0";
const ROUNDS: u32 = 100;
/// Changes of the rings in a round.
const LIES: u64 = 40;
const PATIENCE: Duration = Duration::from_secs(10);
/// Numbers that are not what they should be.
const BAD_NUMBERS: [&str; 6] = ["", "x", "-1", "0", "4294967295", "99999999999999999999"];
/// What a field of 16 bits may be: sizes, offsets, ids and flags in and out of their bounds.
const WORDS: [u16; 12] = [0, 1, 13, 14, 60, 1500, 4000, 4095, 4096, 4097, 0x7fff, 0xffff];

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("there is no backend");
    }
    let mut random = Random::new(0x5eed_0f11);
    let mut connected = 0;
    for _ in 0..ROUNDS {
        match lie(&mut random).await {
            Ok(true) => connected += 1,
            Ok(false) => {}
            Err(error) => return report.error("a round", error),
        }
    }
    report.check("some lies are found only when there is a connection", connected > 0);
    report.check("others before", connected < ROUNDS);
    let reply = with_timeout(PATIENCE, reply_of_dom0()).await;
    report.check("an honest frontend is served", matches!(reply, Ok(Some(_))));
}

/// The bytes of dom0's answer to an echo request.
async fn reply_of_dom0() -> Option<usize> {
    let stack = net::start().await.ok()?;
    let socket = net::PingSocket::new(&stack, 1).ok()?;
    socket.send(DOM0_ADDRESS.into(), 1).ok()?;
    let (_, bytes) = socket.receive().await.ok()?;
    Some(bytes)
}

/// Connects as wrongly as it comes, and misuses the connection if there is one.
async fn lie(random: &mut Random) -> Result<bool, Errno> {
    set("state", "1").await;
    wait_for(&["2"]).await;
    // Now and then they are somebody else's, or only to be read.
    let owner = random.of([DomId::DOM0, DomId::DOM0, DomId::DOM0, DomId::new(77)]);
    let readonly = random.below(8) == 0;
    let pages = SharedPages::alloc(4)?;
    let grants: Vec<Grant> = (0..pages.pages())
        .map(|page| grant_access(owner, &pages, page, readonly))
        .collect::<Result<_, _>>()?;
    let channel = EventChannel::alloc_unbound(owner)?;
    for page in 0..2 {
        garble(random, &pages, page);
    }
    for (key, value) in [
        ("tx-ring-ref", grants[0].reference().get()),
        ("rx-ring-ref", grants[1].reference().get()),
        ("event-channel", channel.port().get()),
        ("request-rx-copy", 1),
        ("feature-sg", u32::from(random.below(2) == 0)),
    ] {
        let lie = random.of(BAD_NUMBERS);
        let value = if random.below(16) == 0 { lie.to_string() } else { value.to_string() };
        set(key, &value).await;
    }
    set("state", random.of(["3", "4", "4", "4", "4", "4", "4"])).await;
    let is_connected = wait_for(&["4", "5", "6"]).await == "4";
    for _ in 0..if is_connected { LIES } else { 0 } {
        let page = usize::from(random.below(2) == 0);
        match random.below(8) {
            0 => garble(random, &pages, page),
            1 => set("state", random.of(["0", "2", "3", "5", "6", "7", "9", "connected"])).await,
            _ => slots(random, &pages, page, &grants),
        }
        channel.notify();
        minios::task::yield_now().await;
    }
    // Everything ends while the backend may be using it.
    if random.below(2) == 0 {
        set("state", "6").await;
        wait_for(&["6"]).await;
    }
    Ok(is_connected)
}

/// Anything at all, indices too.
fn garble(random: &mut Random, pages: &SharedPages, page: usize) {
    let start = page * minios::PAGE_SIZE;
    for at in [REQ_PROD, REQ_EVENT, RSP_PROD, RSP_EVENT] {
        let index = random.of([0, 1, 255, 256, 257, 1 << 31, u32::MAX]);
        pages.store_u32(start + at, index);
    }
    for at in (SLOTS..minios::PAGE_SIZE).step_by(4) {
        let word = u32::from(random.of(WORDS)) | u32::from(random.of(WORDS)) << 16;
        pages.store_u32(start + at, word);
    }
}

/// A few requests that are nearly right.
fn slots(random: &mut Random, pages: &SharedPages, page: usize, grants: &[Grant]) {
    let start = page * minios::PAGE_SIZE;
    let size = [12, 8][page];
    let prod = pages.load_u32(start + REQ_PROD);
    let count = u32::try_from(random.of([1, 1, 2, 3, 20, 100, 300])).unwrap_or(1);
    for ahead in 0..count {
        let slot = start + SLOTS + (prod.wrapping_add(ahead) % 256) as usize * size;
        let reference = random.of([2, 3]);
        let reference = grants[reference].reference().get();
        let reference = random.of([reference, reference, 0, 5000, u32::MAX]);
        let mut field = || random.of(WORDS).to_le_bytes();
        let (a, b, c, d) = (field(), field(), field(), field());
        let slot_bytes = match page {
            0 => [&reference.to_le_bytes()[..], &a, &b, &c, &d].concat(),
            _ => [&a[..], &b, &reference.to_le_bytes()].concat(),
        };
        pages.write(slot, &slot_bytes);
    }
    pages.store_u32(start + REQ_PROD, prod.wrapping_add(count));
}

/// Writes a node of ours.
async fn set(key: &str, value: &str) {
    // A node that cannot be written leaves the lie before it in place.
    let _ = xenstore::write(&format!("{FRONT}/{key}"), value).await;
}

/// Waits until the backend's state is one of `wanted`, and a while at most.
async fn wait_for(wanted: &[&str]) -> String {
    let back = xenstore::read(&format!("{FRONT}/backend")).await.unwrap_or_default();
    let mut state = String::new();
    for _ in 0..100 {
        state = xenstore::read(&format!("{back}/state")).await.unwrap_or_default();
        if wanted.contains(&state.as_str()) {
            break;
        }
        Timer::after(Duration::from_millis(2)).await;
    }
    state
}
