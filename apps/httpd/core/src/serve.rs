// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a connection: read a request, write the answer, again.

#[cfg(test)]
mod tests;

use crate::connections::{Connection, End, Phase};
use crate::pattern;
use crate::range::Part;
use crate::request::{MAX_HEAD, Method, Parsed, Request, parse};
use crate::request_log::{Record, RequestLog};
use crate::response;
use crate::site::{Answer, Body, Machine, answer, failure};
use crate::stats::Stats;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// The longest body that is read to get at the next request.
const MAX_BODY: u64 = 1 << 20;
/// Bytes read at a time.
const PIECE: usize = 1024;

/// A byte stream to a client.
#[expect(async_fn_in_trait, reason = "one thread, no bounds on the futures")]
pub trait Stream {
    /// Why a transfer failed.
    type Error;

    /// Waits for bytes and reads what is there; 0 at the end.
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, Self::Error>;

    /// Waits for room and lets `fill` write into it; returns how many bytes it wrote. `fill` may
    /// be given less than it could write, and is called once.
    async fn write_with(
        &mut self,
        fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<usize, Self::Error>;
}

/// How serving a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<E> {
    /// In order: all answers were written, the connection is to be closed.
    Done,
    /// The client does not take its answer: the connection is to be reset.
    Stuck,
    /// The stream failed.
    Failed(E),
}

/// What stops the exchange early.
enum Stop<E> {
    Ended(End),
    Failed(E),
}

/// What all connections share.
pub struct Server<M> {
    /// What is served.
    pub machine: M,
    /// What is counted.
    pub stats: Rc<Stats>,
    /// The last requests.
    pub requests: Rc<RequestLog>,
    /// Tells milliseconds since any fixed point.
    pub clock: fn() -> u64,
    /// Is shown each request that was answered.
    pub observer: fn(&Record),
}

impl<M: Machine> Server<M> {
    fn answered(&self, request: Request, answer: &Answer, since_ms: u64) {
        let at_ms = (self.clock)();
        let record = Record {
            at_ms,
            method: request.method.name(),
            path: request.path,
            status: answer.status,
            bytes: if request.method == Method::Head { 0 } else { answer.body.len() },
            took_ms: at_ms.saturating_sub(since_ms),
        };
        (self.observer)(&record);
        self.requests.add(record);
    }

    /// Serves one connection to its end.
    pub async fn serve<S: Stream>(
        &self,
        stream: &mut S,
        connection: &Connection,
    ) -> Outcome<S::Error> {
        let mut exchange = Exchange { server: self, stream, connection, buffer: Vec::new() };
        match exchange.run().await {
            Ok(()) => Outcome::Done,
            Err(Stop::Failed(error)) => Outcome::Failed(error),
            Err(Stop::Ended(end)) => exchange.say_why(end).await,
        }
    }
}

struct Exchange<'a, M, S> {
    server: &'a Server<M>,
    stream: &'a mut S,
    connection: &'a Connection,
    /// Bytes read and not yet used.
    buffer: Vec<u8>,
}

impl<M: Machine, S: Stream> Exchange<'_, M, S> {
    async fn run(&mut self) -> Result<(), Stop<S::Error>> {
        loop {
            let Some(request) = self.read_request().await? else { return Ok(()) };
            let since_ms = (self.server.clock)();
            let Request { keep_alive, body, method, .. } = request;
            let keep_alive = keep_alive && body <= MAX_BODY;
            let answer = answer(&self.server.machine, &request);
            self.write_answer(&answer, method != Method::Head, keep_alive).await?;
            self.server.answered(request, &answer, since_ms);
            if !keep_alive {
                return Ok(());
            }
            self.skip_body(body).await?;
            self.connection.enter(Phase::Idle);
        }
    }

    /// The next request; `None` if the client has closed or sent something that was answered and
    /// ends the connection.
    async fn read_request(&mut self) -> Result<Option<Request>, Stop<S::Error>> {
        loop {
            if !self.buffer.is_empty() {
                match parse(&self.buffer) {
                    Parsed::Complete(request, length) => {
                        self.buffer.drain(..length);
                        return Ok(Some(request));
                    }
                    Parsed::Bad(status) => {
                        self.write_answer(&failure(status), true, false).await?;
                        return Ok(None);
                    }
                    Parsed::Partial if self.connection.phase() != Phase::Head => {
                        self.connection.enter(Phase::Head);
                    }
                    Parsed::Partial => {}
                }
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads more into the buffer; 0 at the end.
    async fn read(&mut self) -> Result<usize, Stop<S::Error>> {
        let length = self.buffer.len();
        self.buffer.resize((length + PIECE).min(MAX_HEAD + PIECE), 0);
        let read = self.connection.run(self.stream.read(&mut self.buffer[length..])).await;
        let read = read.map_err(Stop::Ended)?.map_err(Stop::Failed)?;
        self.buffer.truncate(length + read);
        Ok(read)
    }

    async fn skip_body(&mut self, length: u64) -> Result<(), Stop<S::Error>> {
        if length > 0 {
            self.connection.enter(Phase::Body);
        }
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() && self.read().await? == 0 {
                return Ok(());
            }
            let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.drain(..skipped);
            left -= skipped as u64;
        }
        Ok(())
    }

    async fn write_answer(
        &mut self,
        answer: &Answer,
        with_body: bool,
        keep_alive: bool,
    ) -> Result<(), Stop<S::Error>> {
        self.connection.enter(Phase::Answer);
        let head = response::head(answer, keep_alive);
        self.write(head.as_bytes()).await?;
        if with_body {
            match &answer.body {
                Body::File(bytes) => self.write(bytes).await?,
                Body::Made(bytes) => self.write(bytes).await?,
                Body::Pattern(part) => self.write_pattern(*part).await?,
            }
        }
        let body = if with_body { answer.body.len() } else { 0 };
        self.server.stats.answered(answer.status, head.len() as u64 + body);
        Ok(())
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Stop<S::Error>> {
        while !bytes.is_empty() {
            let written = self
                .write_piece(|room| {
                    let length = room.len().min(bytes.len());
                    room[..length].copy_from_slice(&bytes[..length]);
                    length
                })
                .await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    async fn write_pattern(&mut self, part: Part) -> Result<(), Stop<S::Error>> {
        let mut offset = part.start;
        let end = part.start + part.length;
        while offset < end {
            let written = self
                .write_piece(|room| {
                    let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
                    let piece = room.len().min(left);
                    pattern::fill(offset, &mut room[..piece]);
                    piece
                })
                .await?;
            offset += written as u64;
        }
        Ok(())
    }

    async fn write_piece(
        &mut self,
        fill: impl FnMut(&mut [u8]) -> usize,
    ) -> Result<usize, Stop<S::Error>> {
        let written = self.connection.run(self.stream.write_with(fill)).await;
        let written = written.map_err(Stop::Ended)?.map_err(Stop::Failed)?;
        self.connection.enter(Phase::Answer);
        Ok(written)
    }

    /// Tells the client why its connection ends, if it is the one to speak.
    async fn say_why(&mut self, end: End) -> Outcome<S::Error> {
        let status = match (self.connection.phase(), end) {
            (Phase::Answer, _) => return Outcome::Stuck,
            (Phase::Idle | Phase::Fresh | Phase::Body, _) => return Outcome::Done,
            (Phase::Head, End::Late) => 408,
            (Phase::Head, End::Shed) => 503,
        };
        self.connection.last_words();
        match self.write_answer(&failure(status), true, false).await {
            Ok(()) => Outcome::Done,
            Err(Stop::Ended(_)) => Outcome::Stuck,
            Err(Stop::Failed(error)) => Outcome::Failed(error),
        }
    }
}
