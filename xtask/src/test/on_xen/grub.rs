// SPDX-License-Identifier: MIT OR Apache-2.0
//! GRUB as PV domain of the real Xen starts a minios image, as it does on hv.
use anyhow::{Context, Result};

use super::{BOOT, PATIENCE};
use crate::{
    build::Profile,
    ramdisk::Domain,
    real_xen::{Options, RealXen},
    session::Session,
    test::{foreign::grub, tally::Tally},
    workspace::Workspace,
};

const NAME: &str = "GRUB starts a minios image on the real Xen";

/// Runs the test, unless `only` asks for others.
pub(crate) fn run(workspace: &Workspace, tally: &mut Tally, only: &str) {
    if NAME.contains(only) {
        tally.begin("foreign guests on the real Xen");
        tally.run(NAME, || chain(workspace));
    }
}

fn chain(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target_dir().join("run").join("test");
    let xen = RealXen::fetch(workspace)?;
    xen.debian.require(&[grub::MODULES_PACKAGE])?;
    let config = grub::chain_config(workspace, &grub::modules(&xen.debian)?, &folder)?;
    let domain = Domain::new(folder.join("chain.cfg"), config)?.at_boot();
    let options = Options::default();
    let machine = xen.machine(workspace, Profile::ImageDebug, &[domain], &folder, &options)?;
    let mut session = Session::start(&machine, &folder.join("grub-on-xen.log"))?;
    for words in ["hello: hello, running on Xen 4.17", "hello: tick 3"] {
        let says = |line: &str| line.contains(words);
        session.wait_for(says, BOOT + PATIENCE).with_context(|| format!("no `{words}`"))?;
    }
    Ok(())
}
