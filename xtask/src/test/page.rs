// SPDX-License-Identifier: MIT OR Apache-2.0
//! httpd as domU, on machines with or without a network: dom0 gets a page of it over its interface,
//! by the static addresses of both, and shows it.
use std::fs;

use anyhow::{Context, Result, ensure};

use super::{
    domains::{PATIENCE, PROMPT, refused},
    toolstack::ensure_has,
    verdict::Verdict,
};
use crate::{session::Session, workspace::Workspace};

/// The app, among the names of test guests.
pub(super) const NAME: &str = "httpd";
/// What it says when it serves.
const SERVES: &str = "serving http://";
/// A page of its ramdisk.
const PAGE: &str = "about.html";

/// What the page contains.
pub(super) fn text(workspace: &Workspace) -> Result<String> {
    let path = workspace.root().join("apps").join(NAME).join("ramdisk").join(PAGE);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Creates httpd, whose cfg is in dom0's `folder`, gets its page, which should be `text`, and
/// destroys it.
pub(super) fn run(session: &mut Session, folder: &str, text: &str) -> Result<Verdict> {
    session.type_line(&format!("create {folder}{NAME}.cfg"))?;
    let why = |line: &str| refused(line, folder, NAME).map(str::to_owned);
    let line = session.wait_for(|line| line.contains(SERVES) || why(line).is_some(), PATIENCE)?;
    if let Some(why) = why(&line) {
        return Ok(Verdict::NotAvailable(why));
    }
    let address = line.split_once(SERVES).and_then(|(_, rest)| rest.split_once('/'));
    let (address, _) = address.context("no address where it serves")?;
    let answer =
        session.command(PROMPT, &format!("fetch --print http://{address}/{PAGE}"), PATIENCE)?;
    let page = text.lines().all(|line| answer.iter().any(|shown| shown == line.trim_end()));
    session.type_line(&format!("destroy {NAME}"))?;
    session.wait_for(|line| line.ends_with("httpd is destroyed"), PATIENCE)?;
    let answer = answer.join("\n");
    ensure_has(&answer, &["HTTP/1.1 200 OK", " 0 failed", &format!(" {} bytes ", text.len())])?;
    ensure!(page, "another page than {PAGE}: {answer}");
    Ok(Verdict::Passed)
}
