// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fetch URL` at the prompt: one HTTP/1.1 GET.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use minios::net::{Error, Stack, TcpStream};
use minios::time::{Duration, Instant, with_timeout};

/// How long the other side may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer's head at most.
const MAX_HEAD: usize = 8192;

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// The status line, such as `HTTP/1.1 200 OK`.
    pub(crate) status: String,
    /// Bytes of the body.
    pub(crate) bytes: u64,
    /// From the start of the connection to the last byte.
    pub(crate) time: Duration,
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, bytes, time } = self;
        let us = time.as_micros().max(1);
        let rate = bytes * 1000 / us;
        write!(f, "{status}, {bytes} bytes in {} ms, {rate} kB/s", us / 1000)
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

/// Gets `url`, whose host is an IP address, and gives the body to `sink` piece by piece.
///
/// # Errors
/// See [`FetchError`].
pub(crate) async fn fetch(
    stack: &Stack,
    url: &str,
    mut sink: impl FnMut(&[u8]),
) -> Result<Fetched, FetchError> {
    let (peer, path) = parse(url).ok_or(FetchError::Url)?;
    let start = Instant::now();
    let mut stream = patient(TcpStream::connect(stack, peer)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {peer}\r\nConnection: close\r\n\r\n");
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        let written = patient(stream.write_with(|room| {
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            (count, count)
        }));
        let count = written.await?;
        rest = &rest[count..];
    }
    let (status, length, mut bytes) = head(&mut stream, &mut sink).await?;
    while length.is_none_or(|length| bytes < length) {
        let read = patient(stream.read_with(|piece| {
            sink(piece);
            (piece.len(), piece.len() as u64)
        }));
        match read.await? {
            0 => break,
            count => bytes += count,
        }
    }
    stream.close();
    if length.is_some_and(|length| bytes < length) {
        return Err(FetchError::Network(Error::ConnectionReset));
    }
    Ok(Fetched { status, bytes, time: start.elapsed() })
}

async fn patient<T>(operation: impl Future<Output = Result<T, Error>>) -> Result<T, FetchError> {
    with_timeout(PATIENCE, operation).await.map_err(|_| FetchError::TimedOut)?.map_err(Into::into)
}

/// Reads the head: the status line, the body's length if it is said, and how many of the body's
/// bytes came with the head.
async fn head(
    stream: &mut TcpStream,
    sink: &mut impl FnMut(&[u8]),
) -> Result<(String, Option<u64>, u64), FetchError> {
    let mut head: Vec<u8> = Vec::new();
    let end = loop {
        let read = patient(stream.read_with(|piece| {
            head.extend_from_slice(piece);
            (piece.len(), piece.len())
        }));
        let ended = read.await? == 0;
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if ended || head.len() > MAX_HEAD {
            return Err(FetchError::Answer);
        }
    };
    let (head, body) = head.split_at(end + 4);
    sink(body);
    let text = core::str::from_utf8(head).map_err(|_| FetchError::Answer)?;
    let mut lines = text.lines();
    let status = lines.next().filter(|line| line.starts_with("HTTP/")).ok_or(FetchError::Answer)?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    Ok((status.into(), length, body.len() as u64))
}

fn parse(url: &str) -> Option<(SocketAddr, &str)> {
    let rest = url.strip_prefix("http://")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(slash);
    let path = if path.is_empty() { "/" } else { path };
    let peer = match host.parse() {
        Ok(peer) => peer,
        Err(_) => SocketAddr::new(host.trim_matches(['[', ']']).parse::<IpAddr>().ok()?, 80),
    };
    Some((peer, path))
}
