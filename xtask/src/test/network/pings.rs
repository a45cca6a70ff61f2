// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ping` at dom0's prompt.
use anyhow::Result;

use super::{ECHO, ECHO_LINK_LOCAL, Place};
use crate::test::toolstack::ensure_has;

pub(super) fn ipv4(place: &mut Place) -> Result<()> {
    answers(place, ECHO)
}

pub(super) fn ipv6(place: &mut Place) -> Result<()> {
    answers(place, ECHO_LINK_LOCAL)
}

fn answers(place: &mut Place, address: &str) -> Result<()> {
    let answer = place.prompt.answer(&format!("ping {address}"))?;
    ensure_has(&answer, &[&format!("bytes from {address}"), "4 requests, 4 replies"])
}
