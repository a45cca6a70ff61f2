// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipe for a PV domain: memory, ports, image, page tables, grants, registers.
//!
//! The domain is made paused. Whoever calls here destroys it again if a step failed.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::mem::offset_of;

use dom0_core::config::DomainConfig;
use dom0_core::domain_nodes::Ring;
use domain_builder::{Connections, Image, Layout, Params, Start, populate};
use minios::Errno;
use minios::hypercall::{domctl, event_channel, memory_op, mmu, sysctl};
use minios::memory::map_foreign;
use xen_abi::domain::DomId;
use xen_abi::domctl::CreateDomain;
use xen_abi::frame::{Mfn, Pfn};
use xen_abi::grant_table::{GrantEntryV1, GrantFlags, GrantRef};
use xen_abi::memory::{E820_RAM, E820Entry};
use xen_abi::shared_info::{LEGACY_MAX_VCPUS, VcpuInfo};
use xen_abi::trap::{FLAT_KERNEL_CS, FLAT_KERNEL_SS};
use xen_abi::vcpu::{VGCF_IN_KERNEL, VGCF_ONLINE, VcpuGuestContext};

use super::memory::NewMemory;

/// Pages in a MiB.
const PAGES_PER_MIB: u64 = 256;
/// What a domain may have beyond its configured memory, in KiB: as `xl` allows.
const SLACK_KIB: u64 = 1024;
/// rflags at start: interrupts on, and the bit that is always set.
const RFLAGS: u64 = 0x202;
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
    arch: xen_abi::domctl::ArchDomainConfig { emulation_flags: 0, misc_flags: 0 },
};

/// What the domain's services need to know of it.
pub(super) struct Built {
    /// The ring to xenstored.
    pub(super) store: Ring,
    /// The console's ring.
    pub(super) console: Ring,
}

/// Makes an empty domain.
pub(super) fn new_domain(uuid: [u8; 16]) -> Result<DomId, String> {
    let config = CreateDomain { handle: uuid, ..LIMITS };
    domctl::create_domain(DomId::DOM0, config).map_err(failed("no new domain"))
}

/// Fills the empty domain `domid` as `config` says.
pub(super) fn build(
    domid: DomId,
    config: &DomainConfig,
    kernel: &[u8],
    ramdisk: &[u8],
) -> Result<Built, String> {
    let image = Image::parse(kernel).map_err(|error| format!("{}: {error}", config.kernel))?;
    let params = Params {
        nr_pages: config.memory_mib * PAGES_PER_MIB,
        ramdisk_bytes: ramdisk.len() as u64,
        has_rings: true,
    };
    let layout = Layout::plan::<Errno>(&image, &params).map_err(|error| error.to_string())?;
    domctl::max_vcpus(domid, config.vcpus).map_err(failed("no vCPU"))?;
    domctl::max_mem(domid, config.max_memory_mib * 1024 + SLACK_KIB)
        .map_err(failed("no memory limit"))?;
    memory_op::set_memory_map(domid, &[all_memory(config)]).map_err(failed("no memory map"))?;
    set_weight(domid, config);
    let mut memory = NewMemory::populate(domid, params.nr_pages).map_err(|error| match error {
        Errno::Enomem => format!("not enough free memory for {} MiB", config.memory_mib),
        other => failed("no memory")(other),
    })?;
    let store_port = event_channel::alloc_unbound(domid, DomId::DOM0).map_err(failed("no port"))?;
    let console_port =
        event_channel::alloc_unbound(domid, DomId::DOM0).map_err(failed("no port"))?;
    let info = domctl::domain_info(domid).map_err(failed("no information"))?;
    let connections = Connections {
        shared_info: Mfn::new(info.shared_info_frame).maddr(),
        flags: 0,
        store_port,
        console_port,
        command_line: &config.command_line,
    };
    let start = populate(&image, &layout, ramdisk, &connections, &mut memory)
        .map_err(|error| error.to_string())?;
    memory.close();
    mask_upcalls(domid, info.shared_info_frame).map_err(failed("shared info"))?;
    let frame = |pfn: Option<Pfn>| {
        pfn.map_or(Mfn::INVALID, |pfn| {
            use domain_builder::DomainMemory;
            memory.mfn(pfn)
        })
    };
    let store = Ring { frame: frame(layout.xenstore), port: store_port };
    let console = Ring { frame: frame(layout.console), port: console_port };
    mmu::pin_l4(domid, start.page_table).map_err(failed("page tables"))?;
    grant(domid, &console, &store).map_err(failed("grant table"))?;
    domctl::set_vcpu_context(domid, 0, &registers(&start)).map_err(failed("registers"))?;
    Ok(Built { store, console })
}

/// A domain's memory map: one range, up to what it may grow to, as `xl` sets it.
fn all_memory(config: &DomainConfig) -> E820Entry {
    E820Entry { addr: 0, size: config.max_memory_mib << 20, kind: E820_RAM }
}

/// A domain without its share still runs: that is worth a warning only.
fn set_weight(domid: DomId, config: &DomainConfig) {
    let set = sysctl::scheduler()
        .and_then(|scheduler| domctl::set_weight(domid, scheduler, config.cpu_weight, 0));
    if let Err(error) = set {
        log::warn!("{}: cpu_weight is not set: {error}", config.name);
    }
}

/// A kernel that has not set its handlers yet must get no events: its vCPUs start with upcalls
/// masked.
fn mask_upcalls(domid: DomId, shared_info: u64) -> Result<(), Errno> {
    let page = map_foreign(domid, &[Mfn::new(shared_info)])?;
    for vcpu in 0..LEGACY_MAX_VCPUS {
        page.store_u8(vcpu * size_of::<VcpuInfo>() + offset_of!(VcpuInfo, evtchn_upcall_mask), 1);
    }
    Ok(())
}

/// Grants the rings' pages to dom0 under the references that backends expect.
fn grant(domid: DomId, console: &Ring, store: &Ring) -> Result<(), Errno> {
    let table = map_foreign(domid, &[memory_op::grant_table_frame(domid)?])?;
    for (reference, ring) in [(GrantRef::CONSOLE, console), (GrantRef::XENSTORE, store)] {
        let frame = u32::try_from(ring.frame.get()).map_err(|_| Errno::Erange)?;
        let entry = GrantEntryV1 { flags: GrantFlags::PERMIT_ACCESS, domid: DomId::DOM0, frame };
        table.write_value(reference.get() as usize * size_of::<GrantEntryV1>(), &entry);
    }
    Ok(())
}

/// The state in which a PV kernel begins (public/arch-x86/xen.h).
fn registers(start: &Start) -> Box<VcpuGuestContext> {
    let mut context = Box::<VcpuGuestContext>::default();
    context.flags = VGCF_IN_KERNEL | VGCF_ONLINE;
    context.user_regs.rip = start.entry.get();
    context.user_regs.rsi = start.start_info.get();
    context.user_regs.rsp = start.stack_end.get();
    context.user_regs.rflags = RFLAGS;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = FLAT_KERNEL_SS;
    context.kernel_ss = u64::from(FLAT_KERNEL_SS);
    context.kernel_sp = start.stack_end.get();
    context.ctrlreg[3] = start.page_table.maddr().get();
    context
}

fn failed(what: &'static str) -> impl Fn(Errno) -> String {
    move |error| format!("{what}: the hypervisor says {error}")
}
