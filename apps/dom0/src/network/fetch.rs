// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fetch URL` at the prompt: HTTP/1.1 requests on some connections, and how fast they went.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use dom0_core::http::{AnswerHead, BadAnswer, Page, Url};
use dom0_core::prompt::FetchOptions;
use minios::net::{Error, Stack, TcpStream};
use minios::task;
use minios::time::{Duration, Instant, with_timeout};

/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of all requests.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// The last answer's status line.
    status_line: String,
    /// Requests that were made.
    requests: u64,
    /// Those that got no answer, or one that is no success.
    failed: u64,
    /// Bytes of all bodies.
    bytes: u64,
    /// From the first connection to the last byte.
    time: Duration,
    /// The beginning of what came, if it is to be shown.
    pub(crate) page: Option<Page>,
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status_line, requests, failed, bytes, time, page: _ } = self;
        let us = time.as_micros().max(1);
        let (ms, per_second) = (us / 1000, requests * 1_000_000 / us);
        let (mb, kb) = (bytes / us, bytes % us * 1000 / us);
        write!(f, "{status_line}; {requests} requests, {failed} failed, {bytes} bytes in {ms} ms")?;
        write!(f, ", {per_second} requests/s, {mb}.{kb:03} MB/s")
    }
}

/// Why nothing, or not all, came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FetchError {
    /// Not `http://ADDRESS[:PORT][/PATH]`.
    Url,
    /// The connection failed.
    Network(Error),
    /// Nothing came for a while.
    TimedOut,
    /// The answer is no HTTP.
    Answer,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("the URL is not http://ADDRESS[:PORT][/PATH]"),
            Self::Network(error) => error.fmt(f),
            Self::TimedOut => f.write_str("timed out"),
            Self::Answer => f.write_str("the answer is not HTTP"),
        }
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self::Network(error)
    }
}

impl From<BadAnswer> for FetchError {
    fn from(BadAnswer: BadAnswer) -> Self {
        Self::Answer
    }
}

/// Makes the requests that `options` name. Dropped before its end, it makes no further ones.
///
/// # Errors
/// If the URL is none, or no request got an answer: why the last one did not.
pub(crate) async fn fetch(stack: &Stack, options: FetchOptions) -> Result<Fetched, FetchError> {
    let url = Url::parse(&options.url).ok_or(FetchError::Url)?;
    let work = StopOnDrop(Rc::new(Work::new(url, &options)));
    let start = Instant::now();
    let connections = options.connections.min(options.requests);
    let clients: Vec<_> =
        (0..connections).map(|_| task::spawn(client(stack.clone(), work.0.clone()))).collect();
    for client in clients {
        client.await;
    }
    let time = start.elapsed();
    let Work { requests, failed, bytes, last, .. } = &*work.0;
    let status_line = last.borrow().clone()?;
    let (requests, failed, bytes) = (requests.get(), failed.get(), bytes.get());
    let page = work.0.page.take();
    Ok(Fetched { status_line, requests, failed, bytes, time, page })
}

/// What the clients share.
struct Work {
    url: Url,
    head: String,
    /// Bytes that follow the head.
    upload: u64,
    /// Requests that are still to be made.
    left: Cell<u64>,
    requests: Cell<u64>,
    failed: Cell<u64>,
    bytes: Cell<u64>,
    /// The last answer's status line; the last error as long as there was no answer.
    last: RefCell<Result<String, FetchError>>,
    page: RefCell<Option<Page>>,
}

/// Leaves nothing to do when it is dropped.
struct StopOnDrop(Rc<Work>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.left.set(0);
    }
}

impl Work {
    fn new(url: Url, options: &FetchOptions) -> Self {
        let Url { peer, path } = &url;
        let head = match options.upload {
            None => format!("GET {path} HTTP/1.1\r\nHost: {peer}\r\n\r\n"),
            Some(length) => {
                format!("PUT {path} HTTP/1.1\r\nHost: {peer}\r\nContent-Length: {length}\r\n\r\n")
            }
        };
        Self {
            url,
            head,
            upload: options.upload.unwrap_or(0),
            left: Cell::new(options.requests),
            requests: Cell::new(0),
            failed: Cell::new(0),
            bytes: Cell::new(0),
            last: RefCell::new(Err(FetchError::TimedOut)),
            page: RefCell::new(options.print.then(Page::default)),
        }
    }

    /// Whether there was a request left, which the caller makes.
    fn take(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    /// Takes a piece of a body.
    fn show(&self, piece: &[u8]) {
        if let Some(page) = &mut *self.page.borrow_mut() {
            page.add(piece);
        }
    }

    fn count(&self, result: Result<(AnswerHead, u64), FetchError>) {
        let add = |count: &Cell<u64>, more: u64| count.set(count.get() + more);
        add(&self.requests, 1);
        match result {
            Ok((head, bytes)) => {
                add(&self.bytes, bytes);
                add(&self.failed, u64::from(!(200..300).contains(&head.status)));
                *self.last.borrow_mut() = Ok(head.status_line);
            }
            Err(error) => {
                add(&self.failed, 1);
                let mut last = self.last.borrow_mut();
                if last.is_err() {
                    *last = Err(error);
                }
            }
        }
    }
}

/// Makes requests one after the other, on one connection as long as the server keeps it.
async fn client(stack: Stack, work: Rc<Work>) {
    let mut stream = None;
    while work.take() {
        let result = exchange(&stack, &work, &mut stream).await;
        work.count(result);
    }
    if let Some(stream) = stream {
        stream.close();
    }
}

/// One request and its answer: the head, and bytes of the body that went either way. `kept` is
/// the connection before and after.
async fn exchange(
    stack: &Stack,
    work: &Work,
    kept: &mut Option<TcpStream>,
) -> Result<(AnswerHead, u64), FetchError> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => patient(TcpStream::connect(stack, work.url.peer)).await?,
    };
    send(&mut stream, work).await?;
    let (head, body) = read_head(&mut stream).await?;
    work.show(&body);
    let mut bytes = body.len() as u64;
    while head.length.is_none_or(|length| bytes < length) {
        let read = patient(stream.read_with(|piece| {
            work.show(piece);
            (piece.len(), piece.len() as u64)
        }));
        match read.await? {
            0 if head.length.is_some() => return Err(Error::ConnectionReset.into()),
            0 => break,
            count => bytes += count,
        }
    }
    if head.keep_alive {
        *kept = Some(stream);
    } else {
        stream.close();
    }
    Ok((head, bytes + work.upload))
}

async fn patient<T>(operation: impl Future<Output = Result<T, Error>>) -> Result<T, FetchError> {
    with_timeout(PATIENCE, operation).await.map_err(|_| FetchError::TimedOut)?.map_err(Into::into)
}

async fn send(stream: &mut TcpStream, work: &Work) -> Result<(), FetchError> {
    let mut rest = work.head.as_bytes();
    while !rest.is_empty() {
        let written = patient(stream.write_with(|room| {
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            (count, count)
        }));
        let count = written.await?;
        rest = &rest[count..];
    }
    let mut left = work.upload;
    while left > 0 {
        let written = patient(stream.write_with(|room| {
            let count = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            room[..count].fill(0);
            (count, count as u64)
        }));
        left -= written.await?;
    }
    Ok(())
}

/// Reads the head of an answer, and what bytes of the body come with it.
async fn read_head(stream: &mut TcpStream) -> Result<(AnswerHead, Vec<u8>), FetchError> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let read = patient(stream.read_with(|piece| {
            bytes.extend_from_slice(piece);
            (piece.len(), piece.len())
        }));
        let ended = read.await? == 0;
        if let Some((head, length)) = AnswerHead::parse(&bytes)? {
            bytes.drain(..length);
            return Ok((head, bytes));
        }
        if ended {
            return Err(Error::ConnectionReset.into());
        }
    }
}
