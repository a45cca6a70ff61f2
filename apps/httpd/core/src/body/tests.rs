// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{BadBody, Decoder, Framing, Next};
use alloc::vec::Vec;

/// A body's data, and what follows it.
type Decoded = (Vec<u8>, Vec<u8>);

/// Decodes a body that comes in pieces of `size` bytes: `None` if it does not end.
fn decode(framing: Framing, body: &[u8], size: usize) -> Result<Option<Decoded>, BadBody> {
    let mut decoder = Decoder::new(framing);
    let mut pieces = body.chunks(size);
    let (mut shown, mut data) = (Vec::new(), Vec::new());
    loop {
        let more = match decoder.next(&shown)? {
            Next::End => {
                shown.extend(pieces.flatten());
                return Ok(Some((data, shown)));
            }
            Next::Framing(length) => {
                shown.drain(..length);
                false
            }
            Next::More => true,
            Next::Data(left) => {
                let taken = shown.len().min(usize::try_from(left).unwrap());
                data.extend(shown.drain(..taken));
                decoder.took(taken as u64);
                taken == 0
            }
        };
        if more {
            let Some(piece) = pieces.next() else { return Ok(None) };
            shown.extend(piece);
        }
    }
}

#[test]
fn bodies_in_any_pieces() {
    for (framing, body, data, rest) in [
        (Framing::Length(0), &b"GET"[..], &b""[..], &b"GET"[..]),
        (Framing::Length(3), b"abcGET", b"abc", b"GET"),
        (Framing::Chunked, b"0\r\n\r\nGET", b"", b"GET"),
        (Framing::Chunked, b"3\r\nabc\r\n00\r\n\r\n", b"abc", b""),
        (
            Framing::Chunked,
            b"1;x=\"y\"\r\na\r\nB\r\n01234567890\r\n0\r\n\r\n",
            b"a01234567890",
            b"",
        ),
        (Framing::Chunked, b"2\r\n\r\n\r\n0\r\nSum: 1\r\nX: y\r\n\r\n\r\n", b"\r\n", b"\r\n"),
    ] {
        for size in 1..=body.len() {
            let expected = Some((data.to_vec(), rest.to_vec()));
            assert_eq!(decode(framing, body, size), Ok(expected), "{body:?} by {size}");
        }
    }
}

#[test]
fn bodies_that_do_not_end() {
    for (framing, body) in [
        (Framing::Length(4), &b"abc"[..]),
        (Framing::Chunked, b""),
        (Framing::Chunked, b"3\r\nabc"),
        (Framing::Chunked, b"3\r\nabc\r\n0\r\n"),
    ] {
        assert_eq!(decode(framing, body, 1), Ok(None), "{body:?}");
    }
}

#[test]
fn what_is_no_body() {
    let endless_extension = [b"1;".to_vec(), [b'x'; 2000].to_vec()].concat();
    let endless_trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(5000)].concat();
    for body in [
        &b"\r\n\r\n"[..],
        b"x\r\n",
        b"-1\r\n",
        b" 1\r\na\r\n",
        b"1\na\n0\n\n",
        b"1\r\nab\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"10000000000000000\r\n",
        b"0\r\nno colon\r\n\r\n",
        &endless_extension,
        &endless_trailers,
    ] {
        let start = &body[..body.len().min(20)];
        assert_eq!(decode(Framing::Chunked, body, body.len()), Err(BadBody), "{start:?}");
        assert_eq!(decode(Framing::Chunked, body, 1), Err(BadBody), "{start:?} by bytes");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(body: Vec<u8>, size in 1..9_usize) {
        let _ = decode(Framing::Chunked, &body, size);
    }

    #[test]
    fn chunks_come_back(chunks: Vec<Vec<u8>>, size in 1..99_usize) {
        let mut body = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            body.extend(alloc::format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let decoded = decode(Framing::Chunked, &body, size);
        proptest::prop_assert_eq!(decoded, Ok(Some((chunks.concat(), Vec::new()))));
    }
}
