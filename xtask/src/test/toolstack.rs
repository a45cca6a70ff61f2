// SPDX-License-Identifier: MIT OR Apache-2.0
//! Somebody at dom0's prompt: wrong files are refused with a sentence, domains live and end as
//! they are told, and the processor is shared by weight.
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{domains::PROMPT, tally::Tally};
use crate::{
    build::{self, Profile},
    machine_files::MachineFiles,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    session::Session,
    workspace::Workspace,
};

mod large;
mod lives;
mod refusals;
mod shares;

const PROFILE: Profile = Profile::ImageDebug;
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A test at the prompt.
type Test = fn(&mut Prompt) -> Result<()>;

const TESTS: [(&str, Test); 8] = [
    ("help", lives::help),
    ("a cfg that is not there", refusals::no_file),
    ("a cfg with an unknown key, and ill-formed ones", refusals::bad_configs),
    ("kernels that are none", refusals::bad_kernels),
    ("too little memory", refusals::too_little_memory),
    ("create, pause, unpause, destroy", lives::one_life),
    ("a crash, and restarts until it is given up", lives::crash_and_restart),
    ("1,000 lives leave no trace in free memory", lives::no_leak),
];

/// Tests on a machine whose clock counts instructions, so that the host's load does not matter.
const COUNTED: [(&str, Test); 1] = [("weights of 256 and 512 share 1:2", shares::by_weight)];

/// A machine at whose prompt somebody types.
pub(super) struct Prompt {
    pub(super) session: Session,
}

impl Prompt {
    /// What is printed until the prompt is there again.
    pub(super) fn command(&mut self, line: &str) -> Result<Vec<String>> {
        self.session.command(PROMPT, line, PATIENCE)
    }

    /// The same as one text.
    pub(super) fn answer(&mut self, line: &str) -> Result<String> {
        Ok(self.command(line)?.join("\n"))
    }
}

pub(super) fn run(workspace: &Workspace, tally: &mut Tally, only: &str) -> Result<()> {
    tally.begin("dom0's prompt");
    // A kernel that is damaged for the refusals.
    build::images(workspace, PROFILE, &["spinner"])?;
    let folder = workspace.target_dir().join("run").join("test");
    let domains = [
        domain("spinner", "spinner", "memory = 8\n")?,
        domain("light", "spinner", "memory = 8\ncpu_weight = 256\n")?,
        domain("heavy", "spinner", "memory = 8\ncpu_weight = 512\n")?,
        domain("small", "spinner", "memory = 1\n")?,
        domain("phoenix", "crash", "memory = 8\non_crash = \"restart\"\n")?,
    ];
    let files = MachineFiles::make_with(
        workspace,
        PROFILE,
        &domains,
        &refusals::files(workspace)?,
        &folder,
        false,
    )?;
    for (counted, log, tests) in
        [(None, "toolstack.log", &TESTS[..]), (Some(5), "toolstack-counted.log", &COUNTED[..])]
    {
        let chosen: Vec<_> = tests.iter().filter(|(name, _)| name.contains(only)).collect();
        if chosen.is_empty() {
            continue;
        }
        let mut machine = Machine::new(files.boot(), Serial::Terminal);
        machine.counted = counted;
        let session = Session::at_prompt(&machine, &folder.join(log), PROMPT, PATIENCE)?;
        let mut prompt = Prompt { session };
        for (name, test) in chosen {
            tally.run(name, || test(&mut prompt));
        }
    }
    if large::NAME.contains(only) {
        tally.run(large::NAME, || large::run(workspace, &folder));
    }
    Ok(())
}

fn domain(name: &str, kernel: &str, rest: &str) -> Result<Domain> {
    let text = format!("name = \"{name}\"\nkernel = \"/boot/{kernel}\"\n{rest}");
    Domain::new(format!("{name}.cfg").into(), text)
}

/// Fails unless `text` has each of `parts`.
pub(super) fn ensure_has(text: &str, parts: &[&str]) -> Result<()> {
    let missing: Vec<_> = parts.iter().filter(|part| !text.contains(**part)).collect();
    ensure!(missing.is_empty(), "no {missing:?} in: {text}");
    Ok(())
}
