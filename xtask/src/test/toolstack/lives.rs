// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains come and go.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{PATIENCE, Prompt, ensure_has};

const LIVES: usize = 1000;

/// `help` tells all commands.
pub(super) fn help(prompt: &mut Prompt) -> Result<()> {
    let commands = "list create destroy shutdown reboot pause unpause console dmesg info top \
                    xenstore-ls help";
    ensure_has(&prompt.answer("help")?, &commands.split_whitespace().collect::<Vec<_>>())
}

/// `list` shows a domain as it is made, stopped, continued and ended.
pub(super) fn one_life(prompt: &mut Prompt) -> Result<()> {
    ensure!(state(prompt, "spinner")?.is_none(), "it is there already");
    prompt.command("create spinner.cfg")?;
    ensure!(state(prompt, "spinner")?.is_some_and(|state| state != "paused"), "it does not run");
    prompt.command("pause spinner")?;
    ensure!(state(prompt, "spinner")?.as_deref() == Some("paused"), "it is not paused");
    prompt.command("unpause spinner")?;
    ensure!(state(prompt, "spinner")?.is_some_and(|state| state != "paused"), "it stays paused");
    prompt.command("destroy spinner")?;
    ensure!(state(prompt, "spinner")?.is_none(), "it outlives its end");
    Ok(())
}

/// A domain that crashes at once is made again a few times, and then no more.
pub(super) fn crash_and_restart(prompt: &mut Prompt) -> Result<()> {
    prompt.session.type_line("create phoenix.cfg")?;
    for _ in 0..2 {
        let crashed = |line: &str| line.contains("phoenix has crashed");
        prompt.session.wait_for(crashed, PATIENCE).context("no crash, or no restart")?;
    }
    let given_up = |line: &str| line.contains("phoenix") && line.contains("given up");
    prompt.session.wait_for(given_up, PATIENCE)?;
    ensure!(state(prompt, "phoenix")?.is_none(), "it is there");
    Ok(())
}

/// What domains had is free again when they are gone.
pub(super) fn no_leak(prompt: &mut Prompt) -> Result<()> {
    // The first life leaves caches of dom0 warm.
    one_life(prompt)?;
    let before = free_memory(prompt)?;
    let start = Instant::now();
    for _ in 0..LIVES {
        prompt.command("create spinner.cfg")?;
        prompt.command("destroy spinner")?;
    }
    let each = start.elapsed() / u32::try_from(LIVES)?;
    let after = free_memory(prompt)?;
    ensure!(before == after, "free before: {before}; after {LIVES} lives: {after}");
    println!("        {:.1} ms a life, {before}", each.as_secs_f64() * 1e3);
    ensure!(each < Duration::from_secs(1), "a life takes {each:?}");
    Ok(())
}

/// The column `state` of `list`.
fn state(prompt: &mut Prompt, name: &str) -> Result<Option<String>> {
    let lines = prompt.command("list")?;
    let row = lines.iter().find(|line| line.split_whitespace().next() == Some(name));
    let word = |row: &String| row.split_whitespace().nth(4).map(str::to_owned);
    Ok(row.and_then(word))
}

/// The line of `info` about memory.
fn free_memory(prompt: &mut Prompt) -> Result<String> {
    let lines = prompt.command("info")?;
    let line = lines.into_iter().find(|line| line.starts_with("memory") && line.contains("free"));
    line.context("info says nothing about free memory")
}
