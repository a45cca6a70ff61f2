// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection: one task reads what the server sends, and gives it to who waits.
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use minios_core::byte_ring::{STORE_REQUESTS, STORE_RESPONSES};
use minios_core::xenstore::{Decoder, Incoming, request};
use spin::Once;
use xen_abi::xenstore::{MessageType, RING_SIZE};

use super::{Error, NO_TRANSACTION};
use crate::event_channel::EventChannel;
use crate::lock::Lock;
use crate::memory::SharedPages;
use crate::start_info::{is_initial_domain, start_info, store_port};
use crate::suspend::Outcome;
use crate::task;
use crate::time::{Duration, Timer};

/// How often to look whether the server owes something still.
const LOOK: Duration = Duration::from_millis(1);

static CONNECTION: Once<Connection> = Once::new();

/// The ring and its event.
struct Connection {
    page: SharedPages,
    channel: EventChannel,
    state: Lock<State>,
    decoder: Lock<Decoder>,
}

/// Who waits for what.
#[derive(Default)]
struct State {
    last_id: u32,
    /// Bytes of requests that did not fit into the ring yet.
    outgoing: VecDeque<u8>,
    replies: BTreeMap<u32, Pending>,
    watches: BTreeMap<u32, Events>,
    transactions: usize,
    /// The server broke the protocol: every call fails from then on.
    broken: bool,
}

/// A request without a reply, or a reply that was not fetched yet.
#[derive(Default)]
struct Pending {
    waker: Option<Waker>,
    result: Option<Result<Vec<u8>, Error>>,
}

/// A watch, and its events that were not fetched yet.
struct Events {
    path: String,
    waker: Option<Waker>,
    paths: VecDeque<String>,
}

/// Connects, if this domain has a xenstore.
pub(crate) fn init() {
    if is_initial_domain() {
        return;
    }
    let info = start_info();
    let connection = CONNECTION.call_once(|| Connection {
        page: SharedPages::from_builder(info.store_mfn),
        channel: EventChannel::open(store_port()),
        state: Lock::new(State::default()),
        decoder: Lock::new(Decoder::new()),
    });
    // What an earlier user of the ring left is of no use.
    STORE_RESPONSES.clear(&connection.page);
    drop(task::spawn(connection.serve()));
}

/// Waits until no answer is outstanding and no transaction open: the server of a restored domain
/// knows of neither.
pub(crate) async fn quiesce() {
    while CONNECTION.get().is_some_and(|connection| !connection.state.lock().is_idle()) {
        Timer::after(LOOK).await;
    }
}

/// The server is another one: it is to be told of all watches.
pub(crate) fn resume(outcome: Outcome) {
    if let Some(connection) = CONNECTION.get()
        && outcome == Outcome::Restored
    {
        connection.channel.reopen(store_port());
        STORE_RESPONSES.clear(&connection.page);
        *connection.decoder.lock() = Decoder::new();
        let watches: Vec<(u32, String)> = {
            let state = connection.state.lock();
            state.watches.iter().map(|(&token, events)| (token, events.path.clone())).collect()
        };
        for (token, path) in watches {
            send_only(MessageType::Watch, NO_TRANSACTION, &watch_parts(&path, &token.to_string()));
        }
    }
}

/// Counts a transaction that is open from now on.
pub(super) fn transaction_begins() {
    if let Some(connection) = CONNECTION.get() {
        connection.state.lock().transactions += 1;
    }
}

/// Counts a transaction that was open.
pub(super) fn transaction_ends() {
    if let Some(connection) = CONNECTION.get() {
        connection.state.lock().transactions -= 1;
    }
}

/// Sends a request and waits for its reply.
pub(super) async fn call(
    kind: MessageType,
    transaction: u32,
    parts: &[&[u8]],
) -> Result<Vec<u8>, Error> {
    let connection = CONNECTION.get().ok_or(Error::Enosys)?;
    let id = connection.send(kind, transaction, parts, true)?;
    let waiting = Waiting { connection, id };
    poll_fn(|cx| waiting.poll(cx)).await
}

/// Sends a request whose reply does not matter.
pub(super) fn send_only(kind: MessageType, transaction: u32, parts: &[&[u8]]) {
    if let Some(connection) = CONNECTION.get() {
        let _ = connection.send(kind, transaction, parts, false);
    }
}

/// Begins to collect the events of a new watch; its number is its token.
pub(super) fn open_watch(path: &str) -> Result<u32, Error> {
    let mut state = CONNECTION.get().ok_or(Error::Enosys)?.state.lock();
    let token = state.next_id();
    let (path, paths) = (String::from(path), VecDeque::new());
    state.watches.insert(token, Events { path, waker: None, paths });
    Ok(token)
}

/// What a watch is asked for with.
pub(super) fn watch_parts<'a>(path: &'a str, token: &'a str) -> [&'a [u8]; 4] {
    [path.as_bytes(), b"\0", token.as_bytes(), b"\0"]
}

/// Forgets a watch.
pub(super) fn close_watch(token: u32) {
    if let Some(connection) = CONNECTION.get() {
        connection.state.lock().watches.remove(&token);
    }
}

/// The next event of a watch.
pub(super) fn poll_watch(token: u32, cx: &mut Context<'_>) -> Poll<String> {
    let Some(connection) = CONNECTION.get() else { return Poll::Pending };
    let mut state = connection.state.lock();
    let Some(events) = state.watches.get_mut(&token) else { return Poll::Pending };
    match events.paths.pop_front() {
        Some(path) => Poll::Ready(path),
        None => {
            events.waker = Some(cx.waker().clone());
            Poll::Pending
        }
    }
}

/// A call whose reply is awaited; forgotten when the caller gives up.
struct Waiting {
    connection: &'static Connection,
    id: u32,
}

impl Waiting {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, Error>> {
        let mut state = self.connection.state.lock();
        if state.broken {
            return Poll::Ready(Err(Error::Eio));
        }
        let Some(pending) = state.replies.get_mut(&self.id) else { return Poll::Pending };
        match pending.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                pending.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.connection.state.lock().replies.remove(&self.id);
    }
}

impl State {
    /// A number that no request and no watch has. 0 is what watch events carry.
    fn next_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            let id = self.last_id;
            if id != 0 && !self.replies.contains_key(&id) && !self.watches.contains_key(&id) {
                return id;
            }
        }
    }

    /// Gives a message to who waits for it, and says who is to be woken.
    fn deliver(&mut self, incoming: Incoming) -> Option<Waker> {
        match incoming {
            Incoming::Reply { req_id, result } => {
                let pending = self.replies.get_mut(&req_id)?;
                pending.result = Some(result);
                pending.waker.take()
            }
            Incoming::WatchEvent { path, token } => {
                let events = self.watches.get_mut(&token.parse().ok()?)?;
                // Several changes of one path that nobody looked at yet are one.
                if !events.paths.contains(&path) {
                    events.paths.push_back(path);
                }
                events.waker.take()
            }
        }
    }

    /// Whether the server owes nothing.
    fn is_idle(&self) -> bool {
        self.outgoing.is_empty() && self.transactions == 0 && self.replies.is_empty()
    }

    /// Makes every call fail, and says who is to be woken.
    fn fail(&mut self) -> Vec<Waker> {
        self.broken = true;
        self.replies.values_mut().filter_map(|pending| pending.waker.take()).collect()
    }
}

impl Connection {
    fn send(
        &self,
        kind: MessageType,
        transaction: u32,
        parts: &[&[u8]],
        wanted: bool,
    ) -> Result<u32, Error> {
        let mut state = self.state.lock();
        let id = state.next_id();
        let bytes = request(kind, id, transaction, parts)?;
        if wanted {
            state.replies.insert(id, Pending::default());
        }
        state.outgoing.extend(bytes);
        self.flush(&mut state);
        Ok(id)
    }

    /// Moves requests into the ring, as far as they fit.
    fn flush(&self, state: &mut State) {
        // An impossible index of the server is found where its answers are read.
        let bytes = state.outgoing.make_contiguous();
        let moved = STORE_REQUESTS.put(&self.page, bytes).unwrap_or(0);
        state.outgoing.drain(..moved);
        if moved > 0 {
            self.channel.notify();
        }
    }

    /// The task that reads what the server sends.
    async fn serve(&self) {
        loop {
            if self.receive().and_then(|()| self.dispatch()).is_err() {
                log::error!("xenstore: the server broke the protocol");
                let wakers = self.state.lock().fail();
                wakers.into_iter().for_each(Waker::wake);
                return;
            }
            self.flush(&mut self.state.lock());
            self.channel.wait().await;
        }
    }

    fn receive(&self) -> Result<(), ()> {
        let mut buffer = [0; RING_SIZE];
        let count = STORE_RESPONSES.take(&self.page, &mut buffer).map_err(drop)?;
        if count > 0 {
            self.decoder.lock().push(&buffer[..count]);
            self.channel.notify();
        }
        Ok(())
    }

    fn dispatch(&self) -> Result<(), ()> {
        loop {
            let Some(incoming) = self.decoder.lock().next_message().map_err(drop)? else {
                return Ok(());
            };
            let waker = self.state.lock().deliver(incoming);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}
