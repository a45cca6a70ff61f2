// SPDX-License-Identifier: MIT OR Apache-2.0
//! `fetch` at dom0's prompt.
use anyhow::Result;

use super::Place;
use crate::{qemu::FIRST_LEASE, test::toolstack::ensure_has};

/// Requests, uploads, and what goes wrong with them.
pub(super) fn both_ways(place: &mut Place) -> Result<()> {
    for (words, parts) in [
        ("http://HOST/bytes/1000", &["HTTP/1.1 200 OK; 1 requests, 0 failed, 1000 bytes"][..]),
        ("-n 50 -c 4 http://HOST/bytes/1000", &["50 requests, 0 failed, 50000 bytes"]),
        ("--upload 100000 http://HOST/bytes", &["200 OK; 1 requests, 0 failed, 1000"]),
        ("-n 3 http://HOST/none", &["404 Not Found; 3 requests, 3 failed"]),
        ("http://HOST:81/", &["connection"]),
        ("ftp://HOST/", &["the URL is not"]),
    ] {
        let words = words.replace("HOST", FIRST_LEASE);
        ensure_has(&place.prompt.answer(&format!("fetch {words}"))?, parts)?;
    }
    Ok(())
}
