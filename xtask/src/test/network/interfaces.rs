// SPDX-License-Identifier: MIT OR Apache-2.0
//! Interfaces that go and come back, under connections.
use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};

use super::{Place, echo};
use crate::{
    http,
    test::toolstack::{PATIENCE, ensure_has},
};

/// More than a domain of 16 MiB stands if the pages of each connection were lost.
const ROUNDS: usize = 30;

/// A connection lives through 30 backends, and what is sent while there is none comes later.
pub(super) fn come_and_go(place: &mut Place) -> Result<()> {
    let mut stream = echo::connect(place)?;
    for round in 1..ROUNDS {
        detach(place)?;
        attach(place)?;
        echo::say(&mut stream, format!("round {round}").as_bytes())?;
    }
    detach(place)?;
    stream.write_all(b"hello")?;
    attach(place)?;
    let mut back = [0; 5];
    stream.read_exact(&mut back).context("what was sent meanwhile is lost")?;
    ensure!(back == *b"hello", "something else comes back");
    ensure_has(&place.prompt.answer("audit")?, &["audit: ok"])
}

/// While a domain misuses its interface, and dom0 says so, echo and httpd answer all the same.
pub(super) fn beside_a_liar(place: &mut Place) -> Result<()> {
    let mut stream = echo::connect(place)?;
    place.prompt.session.type_line("create hostile_frontend.cfg")?;
    let is_fault = |line: &str| line.contains("warning: vif") && line.contains("bad_chains");
    place.prompt.session.wait_for(is_fault, PATIENCE).context("dom0 counts nothing")?;
    for _ in 0..20 {
        echo::say(&mut stream, b"is anybody there")?;
        ensure!(http::answers(place.http, "/"), "httpd does not answer");
    }
    let is_verdict = |line: &str| line.contains("[hostile_frontend] verdict: Success");
    place.prompt.session.wait_for(is_verdict, PATIENCE).context("no verdict")?;
    echo::say(&mut stream, b"afterwards")?;
    ensure_has(&place.prompt.answer("audit")?, &["audit: ok"])
}

/// A frontend that does not close loses its interface all the same, and finds the new one.
pub(super) fn taken_by_force(place: &mut Place) -> Result<()> {
    let mut stream = echo::connect(place)?;
    place.prompt.command("pause echo")?;
    let answer = place.prompt.answer("vif-detach echo")?;
    ensure_has(&answer, &["does not close"])?;
    place.prompt.command("vif-attach echo")?;
    place.prompt.command("unpause echo")?;
    echo::say(&mut stream, b"still there")
}

/// Interfaces that are there, or not, are not attached, or detached, twice.
pub(super) fn refusals(place: &mut Place) -> Result<()> {
    ensure_has(&place.prompt.answer("vif-attach echo")?, &["has its network interfaces"])?;
    detach(place)?;
    ensure_has(&place.prompt.answer("vif-detach echo")?, &["has no network interface"])?;
    attach(place)
}

fn detach(place: &mut Place) -> Result<()> {
    let answer = place.prompt.answer("vif-detach echo")?;
    ensure!(!answer.contains("does not"), "{answer}");
    Ok(())
}

fn attach(place: &mut Place) -> Result<()> {
    place.prompt.session.type_line("vif-attach echo")?;
    let again = |line: &str| line.contains("[echo]") && line.contains("there is a backend again");
    place.prompt.session.wait_for(again, PATIENCE).context("echo finds no backend")?;
    // The prompt is there again.
    place.prompt.command("help").map(drop)
}
