// SPDX-License-Identifier: MIT OR Apache-2.0
//! KVM where it works, and QEMU's own emulation elsewhere.
//!
//! The device file says little: inside many virtual machines it is there and is slower than the
//! emulation by orders of magnitude, or lacks instructions. So the hypervisor is booted once with
//! KVM, and must print something soon. What came out is remembered until the host boots again.
use std::{
    fs::{self, OpenOptions},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    qemu::{Boot, Machine, Serial},
    session::Session,
    workspace::Workspace,
};

const EMULATION: &str = "tcg";
const KVM: &str = "kvm";
/// Emulation takes a third of this to hv's first line.
const PATIENCE: Duration = Duration::from_millis(1500);

/// QEMU's name of the accelerator to use on this host.
pub(super) fn choose(workspace: &Workspace, hv: &Path) -> &'static str {
    if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return EMULATION;
    }
    let folder = workspace.target_dir().join("run").join("kvm");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let memory = folder.join("works");
    let remembered = fs::read_to_string(&memory).unwrap_or_default();
    let works = match remembered.strip_prefix(boot.trim()).map(str::trim) {
        Some("yes") => true,
        Some("no") => false,
        _ => {
            let works = hv_speaks(hv, &folder.join("console.log"));
            let answer = if works { "yes" } else { "no" };
            // Not remembering costs the next run a second, no more.
            let _ = fs::write(&memory, format!("{} {answer}\n", boot.trim()));
            works
        }
    };
    if works { KVM } else { EMULATION }
}

fn hv_speaks(hv: &Path, log: &Path) -> bool {
    let boot = Boot::Kernel {
        hv: hv.to_path_buf(),
        hv_arguments: "console=com1".to_owned(),
        modules: Vec::new(),
    };
    let mut machine = Machine::new(boot, Serial::Terminal);
    KVM.clone_into(&mut machine.accelerator);
    let line = Session::start(&machine, log)
        .and_then(|mut session| session.line(Instant::now() + PATIENCE));
    line.is_ok_and(|line| line.is_some_and(|line| line.contains("hv")))
}
