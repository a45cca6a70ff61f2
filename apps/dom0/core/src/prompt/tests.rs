// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keys and commands.

use std::string::String;

use proptest::prelude::*;

use super::{COMMANDS, Command, FetchOptions, Key, LineEditor};

fn enter(editor: &mut LineEditor, keys: &[u8]) -> Option<String> {
    let mut entered = None;
    for &key in keys {
        if let Key::Enter(line) = editor.feed(key) {
            entered = Some(line);
        }
    }
    entered
}

#[test]
fn keys_edit_the_line() {
    let mut editor = LineEditor::default();
    assert_eq!(enter(&mut editor, b"lisx\x7ft\r").as_deref(), Some("list"));
    assert_eq!(enter(&mut editor, b"a b c\x17\x17d\n").as_deref(), Some("a d"));
    assert_eq!(enter(&mut editor, b"junk\x15ok\r\n").as_deref(), Some("ok"));
    assert_eq!(editor.feed(b'x'), Key::Edited);
    assert_eq!(editor.feed(3), Key::Cancel);
    assert_eq!(editor.line(), "");
}

#[test]
fn carriage_return_and_line_feed_are_one_enter() {
    let mut editor = LineEditor::default();
    assert_eq!(editor.feed(b'\r'), Key::Enter(String::new()));
    assert_eq!(editor.feed(b'\n'), Key::Nothing);
    assert_eq!(editor.feed(b'\n'), Key::Enter(String::new()));
}

#[test]
fn arrows_walk_the_history() {
    let mut editor = LineEditor::default();
    enter(&mut editor, b"one\rtwo\rtwo\r");
    assert_eq!(enter(&mut editor, b"\x1b[A\x1b[A\x1b[A\r").as_deref(), Some("one"));
    assert_eq!(enter(&mut editor, b"\x1b[A\x1b[A\x1b[Bs\r").as_deref(), Some("ones"));
    assert_eq!(enter(&mut editor, b"\x1b[A\x1b[B\x1b[Bnew\x1b[3~\r").as_deref(), Some("new"));
}

#[test]
fn every_command_of_the_help_is_understood() {
    for help in COMMANDS {
        let line = std::format!("{} argument", help.name);
        assert!(Command::parse(&line).unwrap().is_some(), "{}", help.name);
    }
}

#[test]
fn commands_say_what_is_missing() {
    assert_eq!(Command::parse("  "), Ok(None));
    assert_eq!(Command::parse(" pause  web "), Ok(Some(Command::Pause("web".into()))));
    assert_eq!(Command::parse("pause"), Err("usage: pause NAME".into()));
    assert_eq!(Command::parse("pause a b"), Err("`pause` takes one argument at most".into()));
    assert_eq!(
        Command::parse("format"),
        Err("no command `format`; `help` tells which there are".into())
    );
}

#[test]
fn fetch_has_options() {
    let url = String::from("http://10.0.2.16/");
    let plain = FetchOptions { url, requests: 1, connections: 1, upload: None, print: false };
    for (words, options) in [
        ("http://10.0.2.16/", plain.clone()),
        ("--print http://10.0.2.16/", FetchOptions { print: true, ..plain.clone() }),
        (
            "-n 100 http://10.0.2.16/ -c 8",
            FetchOptions { requests: 100, connections: 8, ..plain.clone() },
        ),
        ("--upload 5000 http://10.0.2.16/", FetchOptions { upload: Some(5000), ..plain }),
    ] {
        let line = std::format!("fetch {words}");
        assert_eq!(Command::parse(&line), Ok(Some(Command::Fetch(options))));
    }
    assert_eq!(Command::parse("fetch -c 0 x"), Err("`-c` takes a number from 1 to 128".into()));
    for words in ["", "-n 5", "-x", "a b"] {
        let line = std::format!("fetch {words}");
        assert_eq!(Command::parse(&line), Err("usage: fetch URL".into()), "{words}");
    }
}

proptest! {
    /// Any keys: the line stays printable and short.
    #[test]
    fn any_keys_are_taken(keys in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut editor = LineEditor::default();
        for key in keys {
            editor.feed(key);
            prop_assert!(editor.line().len() <= 256);
            prop_assert!(editor.line().chars().all(|c| (' '..='~').contains(&c)));
        }
    }
}
