// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a request's body ends: after so many bytes, or after its last chunk (RFC 9112, section 7.1).

#[cfg(test)]
mod tests;

use crate::request::MAX_HEAD;

/// The longest line with a chunk's size that is read, in bytes; it may carry extensions.
const MAX_SIZE_LINE: usize = 1024;
/// The most fields behind the last chunk that are read; nothing here wants them.
const MAX_TRAILERS: usize = 16;

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in bytes.
    Length(u64),
    /// Each chunk by a length of its own.
    Chunked,
}

/// What is no body of its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBody;

/// What comes next in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// So many bytes of data, of which the caller says by [`Decoder::took`] how many it took.
    Data(u64),
    /// So many bytes that only delimit and are to be dropped from what was shown.
    Framing(usize),
    /// That takes more bytes than were shown.
    More,
    /// The end.
    End,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    state: State,
    chunked: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the line with a chunk's size.
    Size,
    /// Within data of which so much is left, never 0.
    Data(u64),
    /// Before the end of the line behind a chunk's data.
    DataEnd,
    /// Before the fields behind the last chunk and the empty line that ends them.
    Trailers,
    End,
}

impl Decoder {
    /// Before the first byte of a body.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self { state: State::End, chunked: false },
            Framing::Length(length) => Self { state: State::Data(length), chunked: false },
            Framing::Chunked => Self { state: State::Size, chunked: true },
        }
    }

    /// What comes next, if `bytes` follow.
    ///
    /// # Errors
    /// If they cannot follow.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Next, BadBody> {
        match self.state {
            State::Data(left) => Ok(Next::Data(left)),
            State::End => Ok(Next::End),
            State::Size => self.size(bytes),
            State::DataEnd => match bytes {
                [b'\r', b'\n', ..] => Ok(self.framing(2, State::Size)),
                [] | [b'\r'] => Ok(Next::More),
                _ => Err(BadBody),
            },
            State::Trailers => self.trailers(bytes),
        }
    }

    /// Takes note that `count` bytes of data were taken, no more than there were left.
    pub fn took(&mut self, count: u64) {
        let State::Data(left) = self.state else { return };
        self.state = match (left.saturating_sub(count), self.chunked) {
            (0, true) => State::DataEnd,
            (0, false) => State::End,
            (left, _) => State::Data(left),
        };
    }

    fn size(&mut self, bytes: &[u8]) -> Result<Next, BadBody> {
        // The parser takes no digit at all for 0.
        if bytes.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
            return Err(BadBody);
        }
        match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete((length, 0))) => {
                Ok(self.framing(length, State::Trailers))
            }
            Ok(httparse::Status::Complete((length, size))) => {
                Ok(self.framing(length, State::Data(size)))
            }
            Ok(httparse::Status::Partial) if bytes.len() < MAX_SIZE_LINE => Ok(Next::More),
            Ok(httparse::Status::Partial) | Err(_) => Err(BadBody),
        }
    }

    fn trailers(&mut self, bytes: &[u8]) -> Result<Next, BadBody> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_TRAILERS];
        match httparse::parse_headers(bytes, &mut fields) {
            Ok(httparse::Status::Complete((length, _))) => Ok(self.framing(length, State::End)),
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Ok(Next::More),
            Ok(httparse::Status::Partial) | Err(_) => Err(BadBody),
        }
    }

    fn framing(&mut self, length: usize, state: State) -> Next {
        self.state = state;
        Next::Framing(length)
    }
}
