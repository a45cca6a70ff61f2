// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection: one task reads what the server sends, and gives it to who waits.
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use minios_core::byte_ring::{STORE_REQUESTS, STORE_RESPONSES};
use minios_core::xenstore::{Decoder, request};
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

mod state;
use state::State;

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
        let watches = connection.state.lock().watches();
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
    poll_fn(|cx| connection.state.lock().poll_reply(waiting.id, cx)).await
}

/// Sends a request whose reply does not matter.
pub(super) fn send_only(kind: MessageType, transaction: u32, parts: &[&[u8]]) {
    if let Some(connection) = CONNECTION.get() {
        let _ = connection.send(kind, transaction, parts, false);
    }
}

/// Begins to collect the events of a new watch; its number is its token.
pub(super) fn open_watch(path: &str) -> Result<u32, Error> {
    let connection = CONNECTION.get().ok_or(Error::Enosys)?;
    Ok(connection.state.lock().open_watch(path))
}

/// What a watch is asked for with.
pub(super) fn watch_parts<'a>(path: &'a str, token: &'a str) -> [&'a [u8]; 4] {
    [path.as_bytes(), b"\0", token.as_bytes(), b"\0"]
}

/// Forgets a watch.
pub(super) fn close_watch(token: u32) {
    if let Some(connection) = CONNECTION.get() {
        connection.state.lock().close_watch(token);
    }
}

/// The next event of a watch.
pub(super) fn poll_watch(token: u32, cx: &mut Context<'_>) -> Poll<String> {
    let Some(connection) = CONNECTION.get() else { return Poll::Pending };
    connection.state.lock().poll_watch(token, cx)
}

/// A call whose reply is awaited; forgotten when the caller gives up.
struct Waiting {
    connection: &'static Connection,
    id: u32,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.connection.state.lock().forget(self.id);
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
            state.expect(id);
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
