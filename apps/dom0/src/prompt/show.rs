// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tables and texts that commands show.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use dom0_core::prompt::COMMANDS;
use dom0_core::store::Store;
use dom0_core::xenstored::{DOM0, Path};
use minios::hypercall::{audit as audit_call, sysctl, version};
use minios::time::{Duration, Instant, Timer};
use xen_abi::domain::DomId;
use xen_abi::domctl::{
    DOMINF_BLOCKED, DOMINF_DYING, DOMINF_PAUSED, DOMINF_RUNNING, DOMINF_SHUTDOWN, DomainInfo,
};
use xen_abi::sched::ShutdownReason;
use xen_abi::sysctl::{PHYSCAP_HAP, PHYSCAP_SHADOW};

use super::commands::refused;
use crate::terminal::{line, print};
use crate::toolstack::{Domains, domains_info, shutdown_reason};

/// How long `top` measures.
const TOP_PERIOD: Duration = Duration::from_secs(1);

/// The commands.
pub(super) fn help() {
    for command in COMMANDS {
        print(format_args!("{:12}{:10}{}", command.name, command.arguments, command.text));
    }
}

/// The domains.
pub(super) fn list(domains: &Domains) {
    line("name               id  memory  vcpus  state     CPU time");
    for info in all() {
        print(format_args!(
            "{:16} {:4} {:4}MiB {:6}  {:8} {:8}.{:01}s",
            name_of(domains, info.domain),
            info.domain.get(),
            info.tot_pages / 256,
            info.nr_online_vcpus,
            state(&info),
            info.cpu_time / 1_000_000_000,
            info.cpu_time / 100_000_000 % 10,
        ));
    }
}

/// Who used the processor for one second.
pub(super) async fn top(domains: &Domains) {
    let before: BTreeMap<DomId, u64> =
        all().iter().map(|info| (info.domain, info.cpu_time)).collect();
    let start = Instant::now();
    Timer::after(TOP_PERIOD).await;
    let elapsed_us = start.elapsed().as_micros().max(1);
    line("name               id  processor");
    for info in all() {
        let used_ns = info.cpu_time.saturating_sub(before.get(&info.domain).copied().unwrap_or(0));
        let tenths = used_ns / elapsed_us;
        let name = name_of(domains, info.domain);
        print(format_args!(
            "{name:16} {:4}  {:6}.{} %",
            info.domain.get(),
            tenths / 10,
            tenths % 10
        ));
    }
}

/// The machine and its hypervisor.
pub(super) fn info() -> Result<(), String> {
    let version = version::version();
    let (major, minor) = (version >> 16, version & 0xffff);
    print(format_args!("hypervisor   Xen {major}.{minor}{}", version::extra_version()));
    print(format_args!("guests       {}", version::capabilities().trim()));
    let host = sysctl::physical_info().map_err(refused)?;
    print(format_args!("PVH memory   {}", paging(host.capabilities)));
    print(format_args!("processors   {}, {} MHz", host.nr_cpus, host.cpu_khz / 1000));
    let (free, total) = (host.free_pages * 4, host.total_pages * 4);
    print(format_args!("memory       {free} of {total} KiB free"));
    let usage = minios::memory::usage();
    let (used, most) = (usage.heap_used_bytes / 1024, usage.heap_high_water_bytes / 1024);
    print(format_args!("dom0's heap  {used} KiB used, {most} KiB at most"));
    print(format_args!("up           {} s", Instant::now().as_secs()));
    Ok(())
}

/// How the memory of PVH domains can be virtualized.
fn paging(capabilities: u32) -> &'static str {
    match (capabilities & PHYSCAP_HAP != 0, capabilities & PHYSCAP_SHADOW != 0) {
        (true, _) => "nested or shadow paging",
        (false, true) => "shadow paging",
        (false, false) => "no PVH domains",
    }
}

/// What the hypervisor printed.
pub(super) fn hypervisor_log() -> Result<(), String> {
    let mut index = 0;
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let (count, next) = sysctl::read_console(index, &mut buffer).map_err(refused)?;
        text.extend_from_slice(&buffer[..count]);
        if count == 0 || next == index {
            break;
        }
        index = next;
    }
    String::from_utf8_lossy(&text).lines().for_each(line);
    Ok(())
}

/// Whether the hypervisor's counts are right.
pub(super) fn audit() {
    match audit_call::audit() {
        Ok(0) => line("audit: ok"),
        Ok(differences) => print(format_args!("audit: {differences} differences")),
        Err(error) => print(format_args!("audit: not possible here: {error}")),
    }
}

/// The nodes from `path` on.
pub(super) fn xenstore(store: &Store, path: &str) -> Result<(), String> {
    let path = Path::parse(path, DOM0).map_err(|error| alloc::format!("{path}: {error}"))?;
    let listing = store.daemon().listing(&path);
    for (path, value) in listing {
        print(format_args!("{path} = \"{}\"", value.escape_ascii()));
    }
    Ok(())
}

/// dom0 and all other domains.
fn all() -> Vec<DomainInfo> {
    let mut all = sysctl::domains(DomId::DOM0, 1).unwrap_or_default();
    all.extend(domains_info());
    all
}

fn name_of(domains: &Domains, id: DomId) -> String {
    if id == DomId::DOM0 {
        return String::from("Domain-0");
    }
    let known = domains.all().into_iter().find(|domain| domain.id == id);
    known.map_or_else(|| String::from("(unknown)"), |domain| domain.config.name.clone())
}

fn state(info: &DomainInfo) -> &'static str {
    let is = |flag| info.flags & flag != 0;
    match shutdown_reason(info) {
        _ if is(DOMINF_DYING) => "dying",
        Some(ShutdownReason::Crash) if is(DOMINF_SHUTDOWN) => "crashed",
        _ if is(DOMINF_SHUTDOWN) => "shut",
        _ if is(DOMINF_PAUSED) => "paused",
        _ if is(DOMINF_BLOCKED) => "blocked",
        _ if is(DOMINF_RUNNING) => "running",
        _ => "runnable",
    }
}
