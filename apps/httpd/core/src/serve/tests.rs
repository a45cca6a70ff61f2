// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Outcome, Server, Stream};
use crate::connections::Connections;
use crate::date;
use crate::etag::ETag;
use crate::metrics::Metric;
use crate::page::Fact;
use crate::pattern;
use crate::request_log::RequestLog;
use crate::site::{File, Machine};
use crate::stats::Stats;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

mod uploads;

std::thread_local!(static NOW_MS: Cell<u64> = const { Cell::new(0) });
extern crate std;

fn clock() -> u64 {
    NOW_MS.get()
}

struct Site;

impl Machine for Site {
    fn file(&self, path: &str) -> Option<File> {
        let bytes: &[u8] = match path {
            "hello.txt" => b"hello\n",
            "sub/index.html" => b"<p>sub",
            _ => return None,
        };
        Some(File { bytes, etag: ETag::of(bytes) })
    }
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
    fn requests(&self) -> String {
        String::new()
    }
}

fn server() -> Server<Site> {
    let requests = Rc::new(RequestLog::default());
    let connections = Connections::new(clock);
    let stats = Rc::new(Stats::default());
    let date = date::Clock::new(|| 784_111_777);
    Server { machine: Site, connections, stats, requests, date, clock, observer: |_| () }
}

/// A client that sends some pieces, then waits or closes, and takes `room` bytes at a time.
struct Client {
    pieces: VecDeque<Vec<u8>>,
    closes: bool,
    room: usize,
    got: Vec<u8>,
}

impl Stream for Client {
    type Error = ();

    async fn read_with(&mut self, mut take: impl FnMut(&[u8]) -> usize) -> Result<usize, ()> {
        poll_fn(|_| match self.pieces.pop_front() {
            Some(mut piece) => {
                let taken = take(&piece);
                piece.drain(..taken);
                if !piece.is_empty() {
                    self.pieces.push_front(piece);
                }
                Poll::Ready(Ok(taken))
            }
            None if self.closes => Poll::Ready(Ok(0)),
            None => Poll::Pending,
        })
        .await
    }

    async fn write_with(&mut self, mut fill: impl FnMut(&mut [u8]) -> usize) -> Result<usize, ()> {
        poll_fn(|_| {
            if self.room == 0 {
                return Poll::Pending;
            }
            let mut room = vec![0; self.room];
            let length = fill(&mut room);
            self.got.extend_from_slice(&room[..length]);
            Poll::Ready(Ok(length))
        })
        .await
    }
}

/// Serves a client until it is done or nothing moves; time then passes, up to two minutes.
fn serve(pieces: &[&str], closes: bool, room: usize) -> (Outcome<()>, String, Server<Site>) {
    let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    let mut client = Client { pieces, closes, room, got: Vec::new() };
    let server = server();
    let connection = server.connections.add();
    let outcome = {
        let mut serving = pin!(server.serve(&mut client, &connection));
        let mut context = Context::from_waker(Waker::noop());
        let mut outcome = None;
        for _ in 0..1200 {
            if let Poll::Ready(it) = serving.as_mut().poll(&mut context) {
                outcome = Some(it);
                break;
            }
            NOW_MS.set(NOW_MS.get() + 100);
            server.connections.sweep();
        }
        outcome.expect("it ends in two minutes")
    };
    (outcome, String::from_utf8_lossy(&client.got).into_owned(), server)
}

/// The status codes and bodies' first lines of the answers in `got`.
fn statuses(got: &str) -> Vec<u16> {
    got.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()).collect()
}

#[test]
fn a_file() {
    let (outcome, got, server) = serve(&["GET /hello.txt HTTP/1.0\r\n\r\n"], false, 1000);
    assert_eq!(outcome, Outcome::Done);
    let (head, body) = got.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "hello\n");
    for field in [
        "Date: Sun, 06 Nov 1994 08:49:37 GMT",
        "Content-Length: 6",
        "Content-Type: text/plain; charset=utf-8",
        "Connection: close",
    ] {
        assert!(head.lines().any(|line| line == field), "{head}");
    }
    assert_eq!(server.stats.requests(), 1);
    assert_eq!(server.stats.bytes.get(), got.len() as u64);
    assert!(server.requests.render().contains("GET /hello.txt 200 6 bytes"));
}

#[test]
fn part_of_the_known_bytes() {
    let text = "GET /bytes/1000 HTTP/1.0\r\nRange: bytes=990-\r\n\r\n";
    let (_, got, _) = serve(&[text], false, 1000);
    assert!(got.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{got}");
    assert!(got.contains("Content-Range: bytes 990-999/1000\r\n"), "{got}");
    let mut expected = [0; 10];
    pattern::fill(990, &mut expected);
    let expected = String::from_utf8_lossy(&expected).into_owned();
    assert!(got.ends_with(&expected));
}

#[test]
fn requests_in_any_pieces() {
    let text = "GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n\
                HEAD /sub/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
                GET /none HTTP/1.1\r\nHost: x\r\n\r\nPUT / HTTP/1.1\r\nHost: x\r\n\r\n";
    for size in 1..text.len() {
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(size)
            .map(|piece| core::str::from_utf8(piece).unwrap())
            .collect();
        let (outcome, got, _) = serve(&pieces, true, 100);
        assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![200, 200, 404, 405]));
        assert!(!got.contains("<p>sub"), "HEAD has no body");
    }
}

#[test]
fn known_bytes() {
    let (_, got, _) = serve(&["GET /bytes/100000 HTTP/1.0\r\n\r\n"], false, 1447);
    let mut expected = vec![0; 100_000];
    pattern::fill(0, &mut expected);
    let expected = String::from_utf8_lossy(&expected).into_owned();
    assert!(got.ends_with(&expected) && got.contains("Content-Length: 100000\r\n"));
    let (_, got, _) = serve(&["GET /bytes/x HTTP/1.0\r\n\r\n"], false, 1447);
    assert_eq!(statuses(&got), [404]);
}

#[test]
fn bad_requests_end_the_connection() {
    let long = "x".repeat(1000);
    let nine: Vec<_> = core::iter::once("GET /").chain([long.as_str(); 9]).collect();
    for (pieces, status) in [(&["GET\r\n\r\n"][..], 400), (&nine[..], 431)] {
        let (outcome, got, _) = serve(pieces, false, 1000);
        assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![status]));
        assert!(got.contains("Connection: close"));
    }
}

#[test]
fn a_body_that_nobody_wants_is_passed_over() {
    let chunked = "GET /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2\r\nab\r\n0\r\n\r\nGET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(statuses(&serve(&[chunked], true, 1000).1), [404, 200]);
    // Answered once, whatever comes or does not come then.
    let late = "GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab";
    assert_eq!(statuses(&serve(&[late], false, 1000).1), [404]);
    let long = "GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\nab";
    assert_eq!(statuses(&serve(&[long], true, 1000).1), [404]);
}

#[test]
fn answers_close_while_others_wait_for_room() {
    let server = server();
    let connection = server.connections.add();
    let mut waiting = pin!(server.connections.room(1));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    let request = b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n".to_vec();
    let mut client =
        Client { pieces: [request].into(), closes: false, room: 1000, got: Vec::new() };
    let outcome = pin!(server.serve(&mut client, &connection)).poll(&mut context);
    assert_eq!(outcome, Poll::Ready(Outcome::Done));
    assert!(String::from_utf8_lossy(&client.got).contains("Connection: close\r\n"));
    server.connections.remove(&connection);
    assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(0));
}

#[test]
fn a_slow_head_is_told_so() {
    NOW_MS.set(0);
    let (outcome, got, _) = serve(&["GET / HT"], false, 1000);
    assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![408]));
    assert_eq!(NOW_MS.get().to_string(), "10000");
}

#[test]
fn one_byte_a_second_is_a_slow_head() {
    // Each byte is read at once here; the phase must still start only once.
    let server = server();
    let connection = server.connections.add();
    let mut client = Client { pieces: VecDeque::new(), closes: false, room: 1000, got: Vec::new() };
    NOW_MS.set(0);
    let mut ticks = 0;
    {
        struct Drip<'a>(&'a mut Client, u64);
        impl Stream for Drip<'_> {
            type Error = ();
            async fn read_with(
                &mut self,
                mut take: impl FnMut(&[u8]) -> usize,
            ) -> Result<usize, ()> {
                poll_fn(|_| {
                    if clock() < self.1 + 1000 {
                        return Poll::Pending;
                    }
                    self.1 = clock();
                    Poll::Ready(Ok(take(b"G")))
                })
                .await
            }
            async fn write_with(
                &mut self,
                fill: impl FnMut(&mut [u8]) -> usize,
            ) -> Result<usize, ()> {
                self.0.write_with(fill).await
            }
        }
        let mut drip = Drip(&mut client, 0);
        let mut serving = pin!(server.serve(&mut drip, &connection));
        let mut context = Context::from_waker(Waker::noop());
        while serving.as_mut().poll(&mut context).is_pending() {
            NOW_MS.set(NOW_MS.get() + 100);
            server.connections.sweep();
            ticks += 1;
        }
    }
    assert_eq!(statuses(&String::from_utf8_lossy(&client.got)), [408]);
    assert!((100..=120).contains(&ticks), "{ticks}");
}

#[test]
fn silence_is_not_answered() {
    assert_eq!(serve(&[], false, 1000).1, "");
    let (outcome, got, _) = serve(&["GET / HTTP/1.1\r\nHost: x\r\n\r\n"], false, 1000);
    assert_eq!((outcome, statuses(&got)), (Outcome::Done, vec![200]));
}

#[test]
fn a_client_that_does_not_read_is_stuck() {
    assert_eq!(serve(&["GET / HTTP/1.0\r\n\r\n"], false, 0).0, Outcome::Stuck);
}
