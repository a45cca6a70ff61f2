// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine in the background, started as a user would, and clients of it.
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{progress::Step, workspace::Workspace};

/// A machine that ends when this is dropped.
pub(crate) struct Service {
    pid: u32,
    port: u16,
}

impl Service {
    /// Starts a machine by `cargo xtask run --detach` with `arguments`.
    pub(crate) fn start(workspace: &Workspace, arguments: &[&str]) -> Result<Self> {
        let _step = Step::start("Starting a machine");
        let output = Command::new(std::env::current_exe()?)
            .args(["run", "--detach", "--timeout", "600", "--yes"])
            .args(arguments)
            .current_dir(workspace.root())
            .stdin(Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let why = errors.rsplit_once("error: ").map_or(&*errors, |(_, why)| why);
        ensure!(output.status.success(), "{}", why.trim());
        let value = |key| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let pid = value("pid ").context("run printed no pid")?.parse()?;
        let url = value("url ").context("run printed no URL")?;
        let port = url.trim_end_matches('/').rsplit(':').next().unwrap_or_default().parse()?;
        Ok(Self { pid, port })
    }

    /// The URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What curl prints for `path`, with more `arguments`.
    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> Result<String> {
        let url = self.url(path);
        let mut words = vec!["--silent", "--show-error", "--max-time", "60"];
        words.extend_from_slice(arguments);
        words.push(&url);
        output("curl", &words)
    }

    /// A connection that takes its time.
    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(stream)
    }

    /// Sends `bytes` on a connection of its own and returns the status of the answer.
    pub(crate) fn status_of(&self, bytes: &[u8]) -> Result<u16> {
        let mut stream = self.connect()?;
        // A server that refuses a head early closes while the rest is being sent.
        let _ = stream.write_all(bytes);
        let mut line = [0; 12];
        stream.read_exact(&mut line).context("no answer came")?;
        status(&line).with_context(|| format!("not HTTP: {}", String::from_utf8_lossy(&line)))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Every shell has kill built in; a program of that name is not everywhere.
        let _ = Command::new("sh").args(["-c", &format!("kill {}", self.pid)]).status();
    }
}

/// The status of the answer that begins with `bytes`; `None` if they are too few, or no HTTP.
pub(crate) fn status(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..12)?.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Runs a program and returns what it printed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} does not start"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), errors.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
