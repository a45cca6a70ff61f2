// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: all tests, or one.
use std::path::PathBuf;

use anyhow::Result;
use mode::Mode;
use tally::Tally;

use crate::{
    run::Hypervisor,
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

mod docs_table;
mod domains;
mod end_to_end;
pub(crate) mod first_domain;
mod foreign;
mod fuzz;
pub(crate) mod guest;
mod guests;
mod host;
mod kernels;
mod mode;
mod network;
mod on_xen;
pub(crate) mod outcome;
mod page;
mod ring0;
mod tally;
mod toolstack;
mod verdict;
pub(crate) use domains::PROMPT;

/// Run the tests: on the host, test guests in QEMU and Bochs, clients against a running machine.
///
/// A table shows the test guests, mode by mode. The last line says how many tests passed and
/// failed. What a machine printed is in target/run/test.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                       everything
  cargo xtask test grants timers         two test guests
  cargo xtask test traps --mode pvh-vmx-ept
                                         one as PVH by VT-x, in Bochs
  cargo xtask test --kind host           the tests that need no QEMU
  cargo xtask test --kind end-to-end --only 408
  cargo xtask test --foreign             GRUB and Linux as guests, from Debian's packages
  cargo xtask test --kind fuzz --mode pvh-vmx-ept --exits 100000 --seed 1
  cargo xtask test --on xen              guests and httpd on the real Xen, compared with hv
  cargo xtask test --xen xen-4.17 traps  a test guest as first domain of the real Xen")]
pub(crate) struct Args {
    /// Test guests, by the names of their files in tests/guests/src/bin, and httpd [default: all
    /// tests]
    names: Vec<String>,
    /// Only tests of this kind (repeatable)
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// How test guests, and domains by chance, are virtualized, and on which machine (repeatable)
    /// [default: all but pvh-svm-bochs]
    #[arg(long, value_enum, conflicts_with_all = ["on", "foreign", "xen"])]
    mode: Vec<Mode>,
    /// Only tests at dom0's prompt, end to end, and of lives on the real Xen, whose names contain this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
    /// Where: on hv alone, or on the real Xen too, as domUs of a Linux dom0
    #[arg(long, value_enum, default_value_t = Hypervisor::Hv, conflicts_with = "kind")]
    on: Hypervisor,
    /// Only images that others built: the same as --kind foreign
    #[arg(long, conflicts_with_all = ["kind", "names"])]
    foreign: bool,
    /// Also look at httpd's page in Chromium, which is installed if need be (about 100 MB)
    #[arg(long)]
    browser: bool,
    /// Compare with this hypervisor, an unpacked Xen 4.17
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "on"])]
    xen: Option<PathBuf>,
    #[command(flatten)]
    fuzz: fuzz::Amount,
    /// Kernels by chance in each mode (--kind kernels), from --seed on [default: what takes a few
    /// seconds]
    #[arg(long, value_name = "N")]
    kernels: Option<u64>,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Unit tests and properties of the pure crates
    Host,
    /// Test guests as domUs in each mode: a machine for several modes, all guests on it
    Guests,
    /// Test guests as first domain, a machine each
    First,
    /// dom0's prompt: errors, lives of domains, shares of the processor
    Toolstack,
    /// DHCP, IPv6, UDP; interfaces that come and go, frontends that lie
    Network,
    /// Clients of this host against httpd
    EndToEnd,
    /// GRUB and Linux as domUs, from Debian's packages
    Foreign,
    /// PVH domains that leave in all ways by chance
    Fuzz,
    /// PVH domains whose kernels are bytes by chance
    Kernels,
}

const KINDS: [Kind; 9] = [
    Kind::Host,
    Kind::Guests,
    Kind::First,
    Kind::Fuzz,
    Kind::Kernels,
    Kind::Toolstack,
    Kind::Network,
    Kind::EndToEnd,
    Kind::Foreign,
];
/// The oldest processor that is supported, and all that QEMU can emulate.
const CPUS: [&str; 2] = ["qemu64", "max"];

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut tally = Tally::default();
    let kinds: &[Kind] = match (args.names.is_empty(), args.kind.is_empty()) {
        _ if args.foreign => &[Kind::Foreign],
        (_, false) => &args.kind,
        _ if !args.mode.is_empty() => &[Kind::Guests],
        (false, true) => &[Kind::Guests],
        (true, true) => &KINDS,
    };
    let (pages, named): (Vec<_>, Vec<_>) =
        args.names.iter().cloned().partition(|name| name == page::NAME);
    let names = match (named.is_empty(), pages.is_empty()) {
        (true, false) => Vec::new(),
        _ => guest::choose(workspace, &named)?,
    };
    if kinds.iter().any(|kind| *kind != Kind::Host) {
        setup::require(&[Tool::Qemu], args.consent)?;
    }
    if kinds.contains(&Kind::EndToEnd) {
        setup::require(&[&Tool::CLIENTS[..], &Tool::IMAGE].concat(), args.consent)?;
    }
    if kinds.contains(&Kind::Foreign) {
        setup::require(&Tool::FOREIGN, args.consent)?;
    }
    if args.browser {
        setup::require(&[Tool::Chromium], args.consent)?;
    }
    if let Some(xen) = &args.xen {
        first_domain::on_both(workspace, &mut tally, &names, xen)?;
        return tally.finish();
    }
    if args.on == Hypervisor::Xen {
        on_xen(workspace, &mut tally, args, &names)?;
        return tally.finish();
    }
    let mut table = None;
    for kind in kinds {
        match kind {
            Kind::Host => host::run(workspace, &mut tally)?,
            Kind::Guests => {
                let mut names = names.clone();
                if args.names.is_empty() || !pages.is_empty() {
                    names.push(page::NAME.to_owned());
                }
                let asked = !args.mode.is_empty();
                let modes = if asked { &args.mode[..] } else { &Mode::USUAL };
                let consent = args.consent;
                table = Some(guests::run(workspace, &mut tally, &names, modes, asked, consent)?);
            }
            Kind::Toolstack => {
                toolstack::run(workspace, &mut tally, &args.only)?;
                ring0::run(workspace, &mut tally, &args.only)?;
            }
            Kind::Network => network::run(workspace, &mut tally)?,
            Kind::EndToEnd => {
                end_to_end::run(workspace, &mut tally, &args.only, args.browser)?;
            }
            Kind::Foreign => {
                let asked = args.foreign || args.kind.contains(&Kind::Foreign);
                foreign::run(workspace, &mut tally, asked)?;
            }
            Kind::Fuzz => {
                fuzz::run(workspace, &mut tally, &args.mode, args.fuzz, args.consent)?;
            }
            Kind::Kernels => {
                let (mode, seed) = (&args.mode, args.fuzz.seed);
                kernels::run(workspace, &mut tally, mode, args.kernels, seed, args.consent)?;
            }
            Kind::First => {
                for cpu in CPUS {
                    first_domain::on_hv(workspace, &mut tally, &names, cpu)?;
                }
            }
        }
    }
    if let Some(table) = table {
        print!("\n{table}");
    }
    tally.finish()
}

/// The tests on the real Xen; `names` are the guests.
fn on_xen(workspace: &Workspace, tally: &mut Tally, args: &Args, names: &[String]) -> Result<()> {
    setup::require(&[&Tool::XEN[..], &Tool::CLIENTS].concat(), args.consent)?;
    if !args.names.is_empty() || args.only.is_empty() {
        on_xen::guests(workspace, tally, names)?;
    }
    if args.names.is_empty() {
        on_xen::lives::run(workspace, tally, &args.only)?;
        end_to_end::on_xen(workspace, tally, &args.only);
        on_xen::grub::run(workspace, tally, &args.only);
    }
    Ok(())
}
