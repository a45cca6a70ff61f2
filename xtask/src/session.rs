// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running machine whose console a program reads and types to.
use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::Child,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    machine::{Emulated, Started},
    progress::Step,
};

/// A machine that ends when this is dropped.
pub(crate) struct Session {
    child: Child,
    input: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    /// What was printed and not taken yet.
    pending: Vec<u8>,
    log: File,
    started: Instant,
}

impl Session {
    /// Starts `machine`, and keeps what it and its emulator print in the file `log`.
    pub(crate) fn start(machine: &dyn Emulated, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let log = File::create(log).with_context(|| log.display().to_string())?;
        let started = Instant::now();
        let Started { child, input, output } = machine.start(log.try_clone()?)?;
        let output = read_in_background(output);
        Ok(Self { child, input, output, pending: Vec::new(), log, started })
    }

    /// The same, and waits until dom0 shows its `prompt`.
    pub(crate) fn at_prompt(
        machine: &dyn Emulated,
        log: &Path,
        prompt: &str,
        patience: Duration,
    ) -> Result<Self> {
        let mut session = Self::start(machine, log)?;
        session.wait_for_prompt(prompt, patience).context("dom0 does not come up")?;
        Ok(session)
    }

    /// Time since the emulator's start.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<()> {
        self.type_text(&format!("{line}\r"))
    }

    /// Types `text` as it is.
    pub(crate) fn type_text(&mut self, text: &str) -> Result<()> {
        self.input.write_all(text.as_bytes()).context("the machine has ended")?;
        self.input.flush().context("the machine has ended")
    }

    /// Gives QEMU's monitor, which shares the terminal with the serial port, a command.
    pub(crate) fn monitor(&mut self, command: &str) -> Result<()> {
        const OTHER: &str = "\u{1}c";
        let keys = format!("{OTHER}{command}\r{OTHER}");
        self.input.write_all(keys.as_bytes()).context("the machine has ended")?;
        self.input.flush().context("the machine has ended")
    }

    /// The next whole line, without escape sequences; `None` when none came before `deadline`.
    /// An error when the machine has ended.
    pub(crate) fn line(&mut self, deadline: Instant) -> Result<Option<String>> {
        loop {
            if let Some(line) = self.whole_line() {
                return Ok(Some(line));
            }
            if !self.receive(deadline)? {
                return Ok(None);
            }
        }
    }

    /// Waits for a line that `is_it`. Lines before it are dropped.
    pub(crate) fn wait_for(
        &mut self,
        is_it: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> Result<String> {
        let deadline = Instant::now() + patience;
        while let Some(line) = self.line(deadline)? {
            if is_it(&line) {
                return Ok(line);
            }
        }
        bail!("the expected line did not come within {} s", patience.as_secs())
    }

    /// Types `line` at `prompt` and returns what is printed until the prompt is there again.
    pub(crate) fn command(
        &mut self,
        prompt: &str,
        line: &str,
        patience: Duration,
    ) -> Result<Vec<String>> {
        self.type_line(line)?;
        let is_echo = |printed: &str| printed.strip_prefix(prompt).unwrap_or(printed) == line;
        self.wait_for(is_echo, patience)?;
        let deadline = Instant::now() + patience;
        let mut lines = Vec::new();
        loop {
            if let Some(line) = self.whole_line() {
                lines.push(line);
            } else if plain(&self.pending) == prompt {
                return Ok(lines);
            } else if !self.receive(deadline)? {
                bail!("no prompt came within {} s of `{line}`", patience.as_secs());
            }
        }
    }

    /// Waits until the console ends with `prompt`, which nobody ends with a new line.
    pub(crate) fn wait_for_prompt(&mut self, prompt: &str, patience: Duration) -> Result<()> {
        let _step = Step::start("Waiting for dom0's prompt");
        let deadline = Instant::now() + patience;
        while plain(self.pending.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()) != prompt
        {
            if !self.receive(deadline)? {
                bail!("no prompt came within {} s", patience.as_secs());
            }
        }
        Ok(())
    }

    fn whole_line(&mut self) -> Option<String> {
        let end = self.pending.iter().position(|byte| *byte == b'\n')?;
        let rest = self.pending.split_off(end + 1);
        Some(plain(&std::mem::replace(&mut self.pending, rest)))
    }

    fn receive(&mut self, deadline: Instant) -> Result<bool> {
        match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(bytes) => {
                self.log.write_all(&bytes)?;
                self.pending.extend_from_slice(&bytes);
                Ok(true)
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => bail!("the machine has ended"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_in_background(mut from: Box<dyn Read + Send>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            if sender.send(buffer[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// `bytes`, at most a line, as it stands on a terminal: without escape sequences and control
/// characters, and with what was printed over an earlier text instead of that.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // ESC [ parameters letter, or ESC and one letter.
            if letters.next() == Some('[') {
                letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
        } else if letter == '\r' && !letters.as_str().trim_start_matches(['\r', '\n']).is_empty() {
            out.clear();
        } else if !letter.is_control() {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn escape_sequences_go() {
        assert_eq!(plain(b"\r\x1b[K[httpd] up\r\n"), "[httpd] up");
        assert_eq!(plain(b"\x1b[1;1Hdom0> "), "dom0> ");
        assert_eq!(plain(b"cut \x1b[2"), "cut ");
    }

    #[test]
    fn what_is_printed_over_is_gone() {
        assert_eq!(plain(b"dom0> l\r\x1b[Kdom0> li\r\n"), "dom0> li");
    }
}
