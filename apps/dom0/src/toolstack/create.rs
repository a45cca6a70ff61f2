// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipe for a domain: limits, then as a [`pv`] or a [`pvh`] domain.
//!
//! The domain is made paused. Whoever calls here destroys it again if a step failed.

use alloc::format;
use alloc::string::String;
use core::ops::Range;

use dom0_core::config::{DomainConfig, Kind, Paging};
use dom0_core::domain_nodes::Ring;
use minios::Errno;
use minios::hypercall::{domctl, event_channel, sysctl};
use minios::memory::map_foreign;
use xen_abi::domain::DomId;
use xen_abi::domctl::{ArchDomainConfig, CDF_HAP, CDF_HVM, CreateDomain, EMU_LAPIC};
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::Mfn;
use xen_abi::grant_table::{GrantEntryV1, GrantFlags, GrantRef};
use xen_abi::sysctl::PHYSCAP_HAP;

use super::memory::{self, NewMemory};

mod pv;
mod pvh;

/// Pages in a MiB.
const PAGES_PER_MIB: u64 = 256;
/// What a domain may have beyond its configured memory, in KiB: as `xl` allows.
const SLACK_KIB: u64 = 1024;
/// Limits of a new domain.
const LIMITS: CreateDomain = CreateDomain {
    ssidref: 0,
    handle: [0; 16],
    flags: 0,
    iommu_opts: 0,
    max_vcpus: 1,
    max_evtchn_port: 1023,
    max_grant_frames: 64,
    max_maptrack_frames: 1024,
    grant_opts: 1,
    vmtrace_size: 0,
    cpupool_id: 0,
    arch: ArchDomainConfig { emulation_flags: 0, misc_flags: 0 },
};

/// What the domain's services need to know of it.
pub(super) struct Built {
    /// The ring to xenstored.
    pub(super) store: Ring,
    /// The console's ring.
    pub(super) console: Ring,
}

/// Makes an empty domain.
pub(super) fn new_domain(uuid: [u8; 16], config: &DomainConfig) -> Result<DomId, String> {
    let limits = match config.kind {
        Kind::Pv => LIMITS,
        Kind::Pvh => CreateDomain {
            flags: CDF_HVM | if is_nested(config.paging) { CDF_HAP } else { 0 },
            arch: ArchDomainConfig { emulation_flags: EMU_LAPIC, misc_flags: 0 },
            ..LIMITS
        },
    };
    let domain = CreateDomain { handle: uuid, max_vcpus: config.vcpus, ..limits };
    domctl::create_domain(DomId::DOM0, domain).map_err(|error| match (config.kind, error) {
        (Kind::Pvh, Errno::Eopnotsupp) if config.paging == Some(Paging::Nested) => {
            String::from("this machine has no nested paging")
        }
        (Kind::Pvh, Errno::Eopnotsupp) => {
            String::from("this machine has no hardware virtualization for `type = \"pvh\"`")
        }
        (_, error) => failed("no new domain")(error),
    })
}

/// Whether a PVH domain gets nested paging: as it is configured, or if the machine has it.
fn is_nested(paging: Option<Paging>) -> bool {
    match paging {
        Some(paging) => paging == Paging::Nested,
        None => {
            sysctl::physical_info().is_ok_and(|machine| machine.capabilities & PHYSCAP_HAP != 0)
        }
    }
}

/// Fills the empty domain `domid` as `config` says.
pub(super) fn build(
    domid: DomId,
    config: &DomainConfig,
    kernel: &[u8],
    ramdisk: &[u8],
) -> Result<Built, String> {
    domctl::max_vcpus(domid, config.vcpus).map_err(failed("no vCPU"))?;
    domctl::max_mem(domid, config.max_memory_mib * 1024 + SLACK_KIB)
        .map_err(failed("no memory limit"))?;
    set_weight(domid, config);
    let nr_pages = config.memory_mib * PAGES_PER_MIB;
    match config.kind {
        Kind::Pv => pv::build(domid, config, kernel, ramdisk, nr_pages),
        Kind::Pvh => pvh::build(domid, config, kernel, ramdisk, nr_pages),
    }
}

/// The domain's memory: so many pages.
fn new_memory(domid: DomId, config: &DomainConfig, pages: u64) -> Result<NewMemory, String> {
    NewMemory::populate(domid, pages).map_err(no_memory(config))
}

/// More memory, with these numbers.
fn populate_above(domid: DomId, config: &DomainConfig, pages: Range<u64>) -> Result<(), String> {
    memory::populate(domid, pages).map_err(no_memory(config))
}

fn no_memory(config: &DomainConfig) -> impl Fn(Errno) -> String {
    |error| match error {
        Errno::Enomem => format!("not enough free memory for {} MiB", config.memory_mib),
        other => failed("no memory")(other),
    }
}

/// The domain's ports to its services.
struct Ports {
    store: EvtchnPort,
    console: EvtchnPort,
}

impl Ports {
    fn new(domid: DomId) -> Result<Self, String> {
        let port = || event_channel::alloc_unbound(domid, DomId::DOM0).map_err(failed("no port"));
        Ok(Self { store: port()?, console: port()? })
    }
}

/// A domain without its share still runs: that is worth a warning only.
fn set_weight(domid: DomId, config: &DomainConfig) {
    let set = sysctl::scheduler()
        .and_then(|scheduler| domctl::set_weight(domid, scheduler, config.cpu_weight, 0));
    if let Err(error) = set {
        log::warn!("{}: cpu_weight is not set: {error}", config.name);
    }
}

/// Grants the rings' pages to dom0 under the references that backends expect, in the table's frame
/// `table`.
fn write_grants(domid: DomId, table: Mfn, built: &Built) -> Result<(), Errno> {
    let table = map_foreign(domid, &[table])?;
    for (reference, ring) in
        [(GrantRef::CONSOLE, &built.console), (GrantRef::XENSTORE, &built.store)]
    {
        let frame = u32::try_from(ring.frame.get()).map_err(|_| Errno::Erange)?;
        let entry = GrantEntryV1 { flags: GrantFlags::PERMIT_ACCESS, domid: DomId::DOM0, frame };
        table.write_value(reference.get() as usize * size_of::<GrantEntryV1>(), &entry);
    }
    Ok(())
}

fn failed(what: &'static str) -> impl Fn(Errno) -> String {
    move |error| format!("{what}: the hypervisor says {error}")
}
