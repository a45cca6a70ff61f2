// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of domains, and the prompt among them.

use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Allowance, LINE_MAX, LineJoiner, Screen, Scrollback, split_at_detach};

#[test]
fn lines_come_out_whole() {
    let mut joiner = LineJoiner::default();
    assert_eq!(joiner.feed(b"one\r\ntw"), ["one"]);
    assert_eq!(joiner.feed(b"o\n\nthree"), ["two", ""]);
    assert_eq!(joiner.flush().as_deref(), Some("three"));
    assert_eq!(joiner.flush(), None);
}

#[test]
fn nothing_that_moves_the_cursor_gets_through() {
    let mut joiner = LineJoiner::default();
    assert_eq!(joiner.feed(b"\x1b[2J\x1b[1;31mred\x1b[0m\x07\x08\t\xff\x1bc!\n"), ["red ?!"]);
    assert_eq!(joiner.feed(b"\x1b[12\nnext\n"), ["", "next"]);
}

#[test]
fn a_line_without_end_is_cut() {
    let mut joiner = LineJoiner::default();
    let lines = joiner.feed(&[b'x'; LINE_MAX * 2 + 1]);
    assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_MAX, LINE_MAX]);
}

#[test]
fn the_prompt_stays_below_the_lines() {
    let mut screen = Screen::default();
    assert_eq!(screen.line("a"), b"a\n");
    assert_eq!(screen.show_prompt("dom0> li".into()), b"dom0> li");
    assert_eq!(screen.domain_line("web", "up"), b"\r\x1b[K[web] up\ndom0> li");
    assert_eq!(screen.show_prompt("dom0> lis".into()), b"s");
    assert_eq!(screen.show_prompt("dom0> li".into()), b"\r\x1b[Kdom0> li");
    assert_eq!(screen.leave_prompt(), b"\n");
    assert_eq!(screen.line("b"), b"b\n");
}

#[test]
fn the_scrollback_keeps_the_last_lines() {
    let mut scrollback = Scrollback::new(10);
    scrollback.push(b"one\n");
    assert_eq!(scrollback.contents(), b"one\n");
    scrollback.push(b"two\nthree\n");
    assert_eq!(scrollback.contents(), b"three\n");
    scrollback.push(&[b'x'; 100]);
    assert_eq!(scrollback.contents(), [b'x'; 10]);
}

#[test]
fn the_detach_key_divides_what_is_typed() {
    assert_eq!(split_at_detach(b"abc"), (b"abc".as_slice(), None));
    assert_eq!(split_at_detach(b"ab\x1dlist"), (b"ab".as_slice(), Some(b"list".as_slice())));
}

#[test]
fn a_flood_is_slowed_down_and_forgiven() {
    let mut allowance = Allowance::new(1000);
    let mut printed = 0;
    let mut flood = |allowance: &mut Allowance, now| {
        while !allowance.is_spent(now) {
            allowance.spend(512);
            printed += 512;
        }
        core::mem::take(&mut printed)
    };
    assert_eq!(flood(&mut allowance, 1000), 256 * 1024);
    assert_eq!(flood(&mut allowance, 1000), 0);
    assert_eq!(flood(&mut allowance, 2000), 64 * 1024);
    assert_eq!(flood(&mut allowance, 1_000_000), 256 * 1024);
    assert_eq!(flood(&mut allowance, 5), 0, "a clock that goes back earns nothing");
}

proptest! {
    /// Only printable characters come out, in lines of bounded length.
    #[test]
    fn any_bytes_become_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut joiner = LineJoiner::default();
        for line in joiner.feed(&bytes).into_iter().chain(joiner.flush()) {
            prop_assert!(line.len() <= LINE_MAX);
            prop_assert!(line.chars().all(|c| (' '..='~').contains(&c)));
        }
    }
}
