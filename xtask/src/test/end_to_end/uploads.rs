// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bodies of requests.
use std::{env, fs, process};

use anyhow::{Result, ensure};
use twox_hash::XxHash64;

use crate::service::Service;

/// More than all buffers on the way together hold.
const LENGTH: usize = 16 << 20;

/// A file comes whole: its length and checksum are those that the host finds.
pub(super) fn whole(service: &Service) -> Result<()> {
    let bytes = noise(LENGTH);
    let expected = format!("{LENGTH} bytes, xxh64 {:016x}\n", XxHash64::oneshot(0, &bytes));
    let path = env::temp_dir().join(format!("hv-upload-{}", process::id()));
    fs::write(&path, bytes)?;
    let file = path.display().to_string();
    let by_length = service.curl("/bytes", &["--upload-file", &file]);
    let chunked = ["--header", "Transfer-Encoding: chunked", "--upload-file", &file];
    let by_chunks = service.curl("/bytes", &chunked);
    fs::remove_file(&path)?;
    for (how, answer) in [("by length", by_length?), ("in chunks", by_chunks?)] {
        ensure!(answer == expected, "{how}: {answer} instead of {expected}");
    }
    Ok(())
}

/// What is too long, of no length, or ill-formed is told so.
pub(super) fn refused(service: &Service) -> Result<()> {
    for (rest, status) in [
        ("\r\n", 411),
        ("Content-Length: 2000000000000\r\nExpect: 100-continue\r\n\r\n", 413),
        ("Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 100),
        ("Content-Length: many\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        ("Expect: more\r\n\r\n", 417),
    ] {
        let request = format!("PUT /bytes HTTP/1.1\r\nHost: x\r\n{rest}");
        let got = service.status_of(request.as_bytes())?;
        ensure!(got == status, "{got} instead of {status} for {rest:?}");
    }
    Ok(())
}

/// Bytes that no two pieces of have in common, the same in each run (xorshift64).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
