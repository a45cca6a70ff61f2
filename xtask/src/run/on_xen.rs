// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same domains on the real Xen.
use std::path::Path;

use anyhow::{Result, ensure};

use super::{Accelerator, Args, Medium};
use crate::{
    qemu::Machine,
    ramdisk::Domain,
    real_xen::{self, Options, RealXen},
    workspace::Workspace,
};

/// A machine with the real Xen, whose dom0 creates `domains`.
pub(super) fn machine(
    workspace: &Workspace,
    args: &Args,
    domains: &[Domain],
    folder: &Path,
) -> Result<Machine> {
    ensure!(
        args.boot == Medium::Kernel && !args.gdb && args.accel == Accelerator::Auto,
        "--boot, --accel and --gdb are for hv, not --on xen"
    );
    ensure!(
        args.memory.is_none_or(|mib| mib >= real_xen::MEMORY_MIB),
        "the real Xen and its Linux dom0 need --memory {} or more",
        real_xen::MEMORY_MIB
    );
    let types = args.r#type.map(|kind| format!("domain_type={}", kind.name())).unwrap_or_default();
    let options = Options {
        xen_arguments: if args.verbose { "loglvl=all guest_loglvl=all" } else { "" },
        dom0_arguments: &types,
    };
    RealXen::fetch(workspace)?.machine(workspace, args.profile, domains, folder, &options)
}
