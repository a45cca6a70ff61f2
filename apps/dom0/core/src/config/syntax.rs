// SPDX-License-Identifier: MIT OR Apache-2.0
//! The form of a configuration file, before any key has a meaning.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

/// Most lists inside each other.
const DEPTH_MAX: usize = 8;

/// What stands behind a `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number without quotes.
    Number(u64),
    /// A quoted string.
    Text(String),
    /// A list in brackets.
    List(Vec<Value>),
}

/// One `key = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key.
    pub(super) key: String,
    /// The line that the key is on.
    pub(super) line: usize,
    /// The value.
    pub(super) value: Value,
}

/// What is wrong with the form: line, key (empty before one was read) and a phrase.
pub(super) type SyntaxError = (usize, String, String);

/// Reads all settings of a file, in order.
pub(super) fn parse(text: &str) -> Result<Vec<Setting>, SyntaxError> {
    let mut parser = Parser { rest: text.chars().peekable(), line: 1 };
    let mut settings = Vec::new();
    loop {
        parser.skip_blank(true);
        if parser.rest.peek().is_none() {
            return Ok(settings);
        }
        let line = parser.line;
        let key = parser.word();
        let failed = |(line, what)| (line, key.clone(), what);
        if key.is_empty() {
            return Err(failed((line, parser.unexpected("a key"))));
        }
        parser.skip_blank(false);
        if parser.rest.next_if_eq(&'=').is_none() {
            return Err(failed((parser.line, parser.unexpected("="))));
        }
        parser.skip_blank(false);
        let value = parser.value(0).map_err(failed)?;
        parser.skip_blank(false);
        if !matches!(parser.rest.peek(), None | Some('\n' | ';')) {
            return Err(failed((parser.line, parser.unexpected("the end of the line"))));
        }
        settings.push(Setting { key, line, value });
    }
}

struct Parser<'t> {
    rest: Peekable<Chars<'t>>,
    line: usize,
}

impl Parser<'_> {
    /// Skips spaces and comments, and line ends and semicolons if `lines`.
    fn skip_blank(&mut self, lines: bool) {
        while let Some(&c) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\r' => {}
                ';' if lines => {}
                '\n' if lines => self.line += 1,
                '#' => {
                    while self.rest.next_if(|&c| c != '\n').is_some() {}
                    continue;
                }
                _ => return,
            }
            self.rest.next();
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            word.push(c);
        }
        word
    }

    fn value(&mut self, depth: usize) -> Result<Value, (usize, String)> {
        match self.rest.peek() {
            Some(&quote @ ('"' | '\'')) => self.text(quote).map(Value::Text),
            Some('[') if depth < DEPTH_MAX => self.list(depth),
            Some('[') => Err((self.line, String::from("too many lists inside each other"))),
            Some(c) if c.is_ascii_digit() => self.number(),
            _ => Err((self.line, self.unexpected("a number, a quoted string or a list"))),
        }
    }

    fn text(&mut self, quote: char) -> Result<String, (usize, String)> {
        let unfinished = (self.line, String::from("the string has no closing quote"));
        self.rest.next();
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') => match self.rest.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('\\' | '\'' | '"')) => text.push(c),
                    _ => return Err((self.line, String::from("unknown escape in the string"))),
                },
                None | Some('\n') => return Err(unfinished),
                Some(c) => text.push(c),
            }
        }
    }

    fn number(&mut self) -> Result<Value, (usize, String)> {
        let word = self.word();
        let number = match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        number.map(Value::Number).map_err(|_| (self.line, format!("`{word}` is no number")))
    }

    fn list(&mut self, depth: usize) -> Result<Value, (usize, String)> {
        self.rest.next();
        let mut list = Vec::new();
        loop {
            self.skip_blank(true);
            if self.rest.next_if_eq(&']').is_some() {
                return Ok(Value::List(list));
            }
            list.push(self.value(depth + 1)?);
            self.skip_blank(true);
            if self.rest.next_if_eq(&',').is_none() && self.rest.peek() != Some(&']') {
                return Err((self.line, self.unexpected(", or ]")));
            }
        }
    }

    fn unexpected(&mut self, wanted: &str) -> String {
        match self.rest.peek() {
            None => format!("expected {wanted} but the file ends"),
            Some('\n') => format!("expected {wanted} but the line ends"),
            Some(c) => format!("expected {wanted} before `{}`", c.escape_default()),
        }
    }
}
