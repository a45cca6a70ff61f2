// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine for fuzzed domains, one after the other.
use anyhow::{Context, Result};

use super::{Fuzz, life};
use crate::{
    machine_files::MachineFiles,
    progress::Step,
    ramdisk::CONFIGS,
    session::Session,
    test::{
        domains::{self, BOOT, PROFILE, PROMPT},
        mode::Mode,
    },
    workspace::Workspace,
};

/// Domains that a machine has, one after the other.
const SEEDS: u64 = 200;
/// The guests. Under shadow paging every other seed is one for page tables.
const EXITS: &str = "fuzz_exits";
const TABLES: &str = "fuzz_tables";

impl Fuzz {
    /// Boots a machine, whose domains go on until there were as many exits as are wanted.
    pub(super) fn machine(&mut self, workspace: &Workspace) -> Result<()> {
        let folder = workspace.target_dir().join("run").join("test").join("fuzz");
        let folder = folder.join(self.mode.name());
        let first = self.seed;
        let seeds = first..first + SEEDS;
        let configs: Vec<(String, String)> =
            seeds.clone().map(|seed| config(self.mode, seed)).collect();
        let configs: Vec<(&str, &[u8])> =
            configs.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        let kernels = [EXITS, TABLES].map(|guest| domains::domain(workspace, guest));
        let kernels = kernels.into_iter().collect::<Result<Vec<_>>>()?;
        let files =
            MachineFiles::make_with(workspace, PROFILE, &kernels, &configs, &folder, false)?;
        let machine = self.mode.bed().machine(workspace, &files, &folder)?;
        let log = folder.join(format!("seed-{first}.log"));
        let mut session = Session::at_prompt(&*machine, &log, PROMPT, BOOT)?;
        for seed in seeds {
            let so_far = format!("{}, seed {seed}, {} exits so far", self.mode.name(), self.exits);
            let _step = Step::start(so_far);
            let exits = life::run(&mut session, guest(self.mode, seed), seed);
            self.exits += exits.with_context(|| log.display().to_string())?;
            self.seed = seed + 1;
            if self.exits >= self.wanted {
                break;
            }
        }
        Ok(())
    }
}

/// Which guest has a seed.
const fn guest(mode: Mode, seed: u64) -> &'static str {
    if mode.is_shadowed() && seed.is_multiple_of(2) { TABLES } else { EXITS }
}

/// A domain's cfg: where, and what.
fn config(mode: Mode, seed: u64) -> (String, String) {
    let guest = guest(mode, seed);
    let paging = if mode.is_shadowed() { "paging = \"shadow\"\n" } else { "" };
    let text = format!(
        "name = \"{guest}\"\nkernel = \"/boot/{guest}\"\nmemory = 17\ntype = \"pvh\"\n{paging}\
         extra = \"seed={seed}\"\n\
         on_poweroff = \"destroy\"\non_reboot = \"destroy\"\non_crash = \"destroy\"\n"
    );
    (format!("{CONFIGS}/fuzz-{seed}.cfg"), text)
}
