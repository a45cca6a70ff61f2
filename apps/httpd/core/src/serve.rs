// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a connection: read a request, write the answer, again.

#[cfg(test)]
mod tests;

use crate::connections::{Connection, End, Phase};
use crate::pattern;
use crate::request::{MAX_HEAD, Method, Parsed, Request, parse};
use crate::response::Head;
use crate::site::{Answer, Body, Files, answer, failure};
use crate::stats::Stats;
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
pub struct Server<F> {
    /// What is served.
    pub files: F,
    /// What is counted.
    pub stats: Stats,
}

impl<F: Files> Server<F> {
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

struct Exchange<'a, F, S> {
    server: &'a Server<F>,
    stream: &'a mut S,
    connection: &'a Connection,
    /// Bytes read and not yet used.
    buffer: Vec<u8>,
}

impl<F: Files, S: Stream> Exchange<'_, F, S> {
    async fn run(&mut self) -> Result<(), Stop<S::Error>> {
        loop {
            let Some(request) = self.read_request().await? else { return Ok(()) };
            let keep_alive = request.keep_alive && request.body <= MAX_BODY;
            let answer = answer(&self.server.files, &request);
            self.write_answer(&answer, request.method != Method::Head, keep_alive).await?;
            if !keep_alive {
                return Ok(());
            }
            self.skip_body(request.body).await?;
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
        let length = answer.body.len();
        let mut head = Head::new(answer.status, answer.content_type, length, keep_alive);
        if answer.status == 405 {
            head = head.field("Allow", "GET, HEAD");
        }
        let head = head.end();
        self.write(head.as_bytes()).await?;
        if with_body {
            match &answer.body {
                Body::File(bytes) => self.write(bytes).await?,
                Body::Made(bytes) => self.write(bytes).await?,
                Body::Pattern(length) => self.write_pattern(*length).await?,
            }
        }
        let body = if with_body { length } else { 0 };
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

    async fn write_pattern(&mut self, length: u64) -> Result<(), Stop<S::Error>> {
        let mut offset = 0;
        while offset < length {
            let written = self
                .write_piece(|room| {
                    let left = usize::try_from(length - offset).unwrap_or(usize::MAX);
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
