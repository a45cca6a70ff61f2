// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions that several domains take together: an event and its answer, a switch between
//! vCPUs, a GET over dom0's switch. All that the machine executes is counted: hv, dom0 and both
//! domUs; it never idles meanwhile.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Row;
use crate::{
    build::Profile,
    machine_files::MachineFiles,
    progress::Step,
    qemu::{Machine, Serial},
    ramdisk::Domain,
    run::DomainType,
    session::Session,
    test::{
        PROMPT,
        outcome::{End, Outcome},
    },
    workspace::Workspace,
};

pub(super) const PROFILE: Profile = Profile::Image;
const PATIENCE: Duration = Duration::from_secs(180);
/// In a cfg.
const PVH: &str = "type = \"pvh\"\n";

/// What is measured.
pub(super) struct Case {
    pub(super) kind: DomainType,
    /// The domain that is created first.
    pub(super) partner: Option<&'static str>,
    /// The domain that measures.
    pub(super) guest: &'static str,
}

const fn case(kind: DomainType, partner: Option<&'static str>, guest: &'static str) -> Case {
    Case { kind, partner, guest }
}

/// What is measured as first domain (`instructions`) is not measured here for PV.
pub(super) const CASES: [Case; 6] = [
    case(DomainType::Pv, Some("pong"), "ping"),
    case(DomainType::Pv, Some("yielder"), "yielder-2"),
    case(DomainType::Pv, Some("httpd"), "bench_client"),
    case(DomainType::Pvh, None, "bench-pvh"),
    case(DomainType::Pvh, Some("pong-pvh"), "ping-pvh"),
    case(DomainType::Pvh, Some("yielder-pvh"), "yielder-2-pvh"),
];

impl Case {
    /// A figure by the name that the guest gave it.
    pub(super) fn row(&self, figure: &str) -> String {
        match self.kind {
            DomainType::Pv => figure.to_owned(),
            DomainType::Pvh => format!("{figure}, PVH"),
        }
    }
}

/// All domains of [`CASES`].
pub(super) fn domains() -> Result<Vec<Domain>> {
    let httpd = "ramdisk = \"/boot/httpd.cpio\"\nextra = \"ip=10.0.2.16/24\"\nvif = [\"\"]\n";
    let mut domains = vec![
        domain("httpd", "httpd", httpd)?,
        domain("bench_client", "bench_client", "extra = \"ip=10.0.2.18/24\"\nvif = [\"\"]\n")?,
        domain("bench-pvh", "bench", PVH)?,
    ];
    for (name, kernel) in
        [("pong", "pong"), ("ping", "ping"), ("yielder", "yielder"), ("yielder-2", "yielder")]
    {
        domains.push(domain(name, kernel, "")?);
        domains.push(domain(&format!("{name}-pvh"), kernel, PVH)?);
    }
    Ok(domains)
}

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    let folder = workspace.target_dir().join("run").join("bench");
    let files = MachineFiles::make(workspace, PROFILE, &domains()?, &folder, false)?;
    let mut machine = Machine::new(files.boot(), Serial::Terminal);
    machine.counted = Some(0);
    let mut session = Session::at_prompt(&machine, &folder.join("domains.log"), PROMPT, PATIENCE)?;
    let mut rows = Vec::new();
    for case in &CASES {
        rows.extend(run(&mut session, case)?);
    }
    Ok(rows)
}

fn run(session: &mut Session, case: &Case) -> Result<Vec<Row>> {
    let guest = case.guest;
    let _step = Step::start(guest);
    for name in case.partner.iter().chain([&guest]) {
        session.type_line(&format!("create {name}.cfg"))?;
    }
    let outcome = follow(session, guest)?;
    if let Some(partner) = case.partner {
        session.type_line(&format!("destroy {partner}"))?;
    }
    let rows = outcome.figures.iter().map(|(name, value)| {
        let value = value.parse().with_context(|| format!("{name}: {value}"))?;
        Ok(Row::new(case.row(name), value, "instructions"))
    });
    rows.collect()
}

/// Waits until a guest that measures has ended well.
pub(super) fn follow(session: &mut Session, guest: &str) -> Result<Outcome> {
    let prefix = format!("[{guest}] ");
    let outcome = Outcome::follow(session, &prefix, |_| false, Instant::now() + PATIENCE);
    let end = outcome.end();
    ensure!(
        end == End::Success,
        "{guest}: {end:?}: {} {:?}",
        outcome.last_line,
        outcome.complaints
    );
    Ok(outcome)
}

fn domain(name: &str, kernel: &str, rest: &str) -> Result<Domain> {
    let text = format!("name = \"{name}\"\nkernel = \"/boot/{kernel}\"\nmemory = 32\n{rest}");
    Domain::new(format!("{name}.cfg").into(), text)
}
