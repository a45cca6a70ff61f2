// SPDX-License-Identifier: MIT OR Apache-2.0
//! KVM where it works, and QEMU's own emulation elsewhere.
//!
//! The device file says little: inside many virtual machines it is there and is slower than the
//! emulation by orders of magnitude, or lacks instructions. So the hypervisor is booted once with
//! KVM, and must soon get to where it misses its modules. What came out is remembered until the
//! host boots again.
use std::{
    fs::{self, OpenOptions},
    path::Path,
    time::Duration,
};

use crate::{
    qemu::{Boot, Machine, Serial},
    session::Session,
    workspace::Workspace,
};

/// What executes a machine's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Accelerator {
    /// KVM where hv boots with it, else QEMU's emulation
    Auto,
    /// The same, and what is wrong with KVM is told
    Kvm,
    /// QEMU's emulation
    Tcg,
}

const EMULATION: &str = "tcg";
const KVM: &str = "kvm";
const DEVICE: &str = "/dev/kvm";
/// Emulation takes a tenth of this.
const PATIENCE: Duration = Duration::from_millis(1500);
/// What hv says when it is about to build the first domain and finds none.
const NO_MODULE: &str = "the loader gave no module";

impl Accelerator {
    /// QEMU's name of the accelerator to use on this host for the hypervisor `hv`.
    pub(super) fn choose(self, workspace: &Workspace, hv: &Path) -> &'static str {
        if self == Self::Tcg {
            return EMULATION;
        }
        match probe(&workspace.target_dir().join("run").join("kvm"), hv) {
            Ok(()) => KVM,
            Err(why) => {
                if self == Self::Kvm {
                    eprintln!("KVM is not used, QEMU emulates the processor: {why}");
                }
                EMULATION
            }
        }
    }
}

/// Whether hv boots with KVM, and why not; `folder` has what was found out before.
fn probe(folder: &Path, hv: &Path) -> Result<(), String> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) {
        return Err(format!("{DEVICE}: {error}"));
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let memory = folder.join("boots");
    let log = folder.join("console.log");
    let remembered = fs::read_to_string(&memory).unwrap_or_default();
    let works = match remembered.strip_prefix(boot.trim()).map(str::trim) {
        Some("yes") => true,
        Some("no") => false,
        _ => {
            let works = hv_boots(hv, &log);
            let answer = if works { "yes" } else { "no" };
            // Not remembering costs the next run a second, no more.
            let _ = fs::write(&memory, format!("{} {answer}\n", boot.trim()));
            works
        }
    };
    let seconds = PATIENCE.as_secs_f32();
    let why = || format!("hv did not boot with it within {seconds} s (see {})", log.display());
    works.then_some(()).ok_or_else(why)
}

fn hv_boots(hv: &Path, log: &Path) -> bool {
    let boot = Boot::Kernel {
        hv: hv.to_path_buf(),
        hv_arguments: "console=com1".to_owned(),
        modules: Vec::new(),
    };
    let mut machine = Machine::new(boot, Serial::Terminal);
    KVM.clone_into(&mut machine.accelerator);
    let line = Session::start(&machine, log)
        .and_then(|mut session| session.wait_for(|line| line.contains(NO_MODULE), PATIENCE));
    line.is_ok()
}
