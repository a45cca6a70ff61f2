// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a connection: read a request, write the answer, again.

#[cfg(test)]
mod tests;

use crate::body::{BadBody, Decoder, Framing, Next};
use crate::connections::{Connection, Connections, Ended, Phase};
use crate::date;
use crate::pattern;
use crate::range::Part;
use crate::request::{MAX_HEAD, Method, Parsed, Request, parse};
use crate::request_log::{Record, RequestLog};
use crate::response;
use crate::site::{self, Answer, Body, Machine, failure};
use crate::stats::Stats;
use crate::upload::Upload;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// The longest body that is read and thrown away to get at the next request.
const MAX_IGNORED: u64 = 1 << 20;
/// Bytes of a head read at a time.
const PIECE: usize = 1024;
/// Bytes of a body that start its time anew: 2 KiB a second are enough.
const PROGRESS: u64 = 64 << 10;

/// A byte stream to a client.
#[expect(async_fn_in_trait, reason = "one thread, no bounds on the futures")]
pub trait Stream {
    /// Why a transfer failed.
    type Error;

    /// Waits for bytes and shows them to `take`, which says how many it takes; returns that.
    /// 0 at the end.
    async fn read_with(&mut self, take: impl FnMut(&[u8]) -> usize) -> Result<usize, Self::Error>;

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
    Ended,
    Failed(E),
}

/// What all connections share.
pub struct Server<M> {
    /// What is served.
    pub machine: M,
    /// All connections.
    pub connections: Connections,
    /// What is counted.
    pub stats: Rc<Stats>,
    /// The last requests.
    pub requests: Rc<RequestLog>,
    /// The time for answers.
    pub date: date::Clock,
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
            Err(Stop::Ended) => exchange.say_why().await,
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
            let upload = site::is_upload(&request);
            let (answer, stays) = if upload {
                self.take_upload(&request).await?
            } else {
                // A client that was not told to go on may send its body or not.
                (site::answer(&self.server.machine, &request), !request.expects_continue)
            };
            let keep_alive = request.keep_alive && stays && !self.server.connections.is_crowded();
            let rest = request.body.filter(|_| !upload);
            self.write_answer(&answer, request.method != Method::Head, keep_alive).await?;
            self.server.answered(request, &answer, since_ms);
            if !keep_alive {
                return Ok(());
            }
            if let Some(framing) = rest {
                self.connection.enter(Phase::Rest);
                if self.read_body(framing, MAX_IGNORED, |_| ()).await?.is_err() {
                    return Ok(());
                }
            }
            self.connection.enter(Phase::Idle);
        }
    }

    /// Reads the body of an upload. Returns the answer, and whether the next request can be found.
    async fn take_upload(&mut self, request: &Request) -> Result<(Answer, bool), Stop<S::Error>> {
        let framing = match request.body {
            None => return Ok((failure(411), false)),
            Some(Framing::Length(length)) if length > site::MAX_BYTES => {
                return Ok((failure(413), false));
            }
            Some(framing) => framing,
        };
        if request.expects_continue && self.buffer.is_empty() {
            self.connection.enter(Phase::Answer);
            self.write(response::CONTINUE).await?;
        }
        self.connection.enter(Phase::Body);
        let mut upload = Upload::default();
        Ok(match self.read_body(framing, site::MAX_BYTES, |bytes| upload.add(bytes)).await? {
            Ok(()) => (site::uploaded(&upload), true),
            Err(status) => (failure(status), false),
        })
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
        let Self { stream, connection, buffer, .. } = self;
        let room = (MAX_HEAD + PIECE).saturating_sub(buffer.len()).min(PIECE);
        let take = |bytes: &[u8]| {
            let taken = bytes.len().min(room);
            buffer.extend_from_slice(&bytes[..taken]);
            taken
        };
        let read = connection.run(stream.read_with(take)).await;
        read.map_err(|Ended| Stop::Ended)?.map_err(Stop::Failed)
    }

    /// Reads a body of at most `limit` bytes and shows it to `sink`. The inner error is the status
    /// of one that is too long or ill-formed, or ends early.
    async fn read_body(
        &mut self,
        framing: Framing,
        limit: u64,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<Result<(), u16>, Stop<S::Error>> {
        let mut decoder = Decoder::new(framing);
        let (mut total, mut timed) = (0, 0);
        loop {
            let read = match decoder.next(&self.buffer) {
                Err(BadBody) => return Ok(Err(400)),
                Ok(Next::End) => return Ok(Ok(())),
                Ok(Next::Data(left)) if left > limit - total => return Ok(Err(413)),
                Ok(Next::Data(left)) => {
                    let taken = self.read_data(left, &mut sink).await?;
                    decoder.took(taken as u64);
                    total += taken as u64;
                    taken
                }
                Ok(Next::More) => self.read().await?,
                Ok(Next::Framing(length)) => self.buffer.drain(..length).len(),
            };
            if read == 0 {
                return Ok(Err(400));
            }
            if total - timed >= PROGRESS {
                timed = total;
                self.connection.enter(self.connection.phase());
            }
        }
    }

    /// Shows the next bytes to `sink`, at most `left`; returns how many, 0 at the end.
    async fn read_data(
        &mut self,
        left: u64,
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<usize, Stop<S::Error>> {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let mut take = |bytes: &[u8]| {
            let taken = bytes.len().min(left);
            sink(&bytes[..taken]);
            taken
        };
        if !self.buffer.is_empty() {
            let taken = take(&self.buffer);
            self.buffer.drain(..taken);
            return Ok(taken);
        }
        let read = self.connection.run(self.stream.read_with(take)).await;
        read.map_err(|Ended| Stop::Ended)?.map_err(Stop::Failed)
    }

    async fn write_answer(
        &mut self,
        answer: &Answer,
        with_body: bool,
        keep_alive: bool,
    ) -> Result<(), Stop<S::Error>> {
        self.connection.enter(Phase::Answer);
        let head = self.server.date.with(|date| response::head(answer, keep_alive, date));
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
        let written = written.map_err(|Ended| Stop::Ended)?.map_err(Stop::Failed)?;
        self.connection.enter(Phase::Answer);
        Ok(written)
    }

    /// Tells the client why its connection ends, if it is the one to speak.
    async fn say_why(&mut self) -> Outcome<S::Error> {
        match self.connection.phase() {
            Phase::Answer => return Outcome::Stuck,
            Phase::Fresh | Phase::Idle | Phase::Rest => return Outcome::Done,
            Phase::Head | Phase::Body => self.connection.last_words(),
        }
        match self.write_answer(&failure(408), true, false).await {
            Ok(()) => Outcome::Done,
            Err(Stop::Ended) => Outcome::Stuck,
            Err(Stop::Failed(error)) => Outcome::Failed(error),
        }
    }
}
