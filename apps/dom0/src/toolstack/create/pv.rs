// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipe for a PV domain: memory, image, page tables, grants, registers.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::mem::offset_of;

use dom0_core::config::DomainConfig;
use dom0_core::domain_nodes::Ring;
use domain_builder::{Connections, DomainMemory, Image, Layout, Params, Start, populate};
use minios::Errno;
use minios::hypercall::{domctl, memory_op, mmu};
use minios::memory::map_foreign;
use xen_abi::domain::DomId;
use xen_abi::frame::{Mfn, Pfn};
use xen_abi::memory::{E820_RAM, E820Entry};
use xen_abi::shared_info::{LEGACY_MAX_VCPUS, VcpuInfo};
use xen_abi::trap::{FLAT_KERNEL_CS, FLAT_KERNEL_SS};
use xen_abi::vcpu::{VGCF_IN_KERNEL, VGCF_ONLINE, VcpuGuestContext};

use super::{Built, Ports, failed, new_memory, write_grants};

/// rflags at start: interrupts on, and the bit that is always set.
const RFLAGS: u64 = 0x202;

/// Fills the empty domain `domid` as `config` says.
pub(super) fn build(
    domid: DomId,
    config: &DomainConfig,
    kernel: &[u8],
    ramdisk: &[u8],
    nr_pages: u64,
) -> Result<Built, String> {
    let image = Image::parse(kernel).map_err(|error| format!("{}: {error}", config.kernel))?;
    let params = Params { nr_pages, ramdisk_bytes: ramdisk.len() as u64, has_rings: true };
    let layout = Layout::plan::<Errno>(&image, &params).map_err(|error| error.to_string())?;
    memory_op::set_memory_map(domid, &[all_memory(config)]).map_err(failed("no memory map"))?;
    let mut memory = new_memory(domid, config, nr_pages)?;
    let ports = Ports::new(domid)?;
    let info = domctl::domain_info(domid).map_err(failed("no information"))?;
    let connections = Connections {
        shared_info: Mfn::new(info.shared_info_frame).maddr(),
        flags: 0,
        store_port: ports.store,
        console_port: ports.console,
        command_line: &config.command_line,
    };
    let start = populate(&image, &layout, ramdisk, &connections, &mut memory)
        .map_err(|error| error.to_string())?;
    memory.close();
    mask_upcalls(domid, info.shared_info_frame).map_err(failed("shared info"))?;
    let frame = |pfn: Option<Pfn>| pfn.map_or(Mfn::INVALID, |pfn| memory.mfn(pfn));
    let store = Ring { frame: frame(layout.xenstore), port: ports.store };
    let console = Ring { frame: frame(layout.console), port: ports.console };
    mmu::pin_l4(domid, start.page_table).map_err(failed("page tables"))?;
    let built = Built { store, console };
    let table = memory_op::grant_table_frame(domid).map_err(failed("grant table"))?;
    write_grants(domid, table, &built).map_err(failed("grant table"))?;
    domctl::set_vcpu_context(domid, 0, &registers(&start)).map_err(failed("registers"))?;
    Ok(built)
}

/// A domain's memory map: one range, up to what it may grow to, as `xl` sets it.
fn all_memory(config: &DomainConfig) -> E820Entry {
    E820Entry { addr: 0, size: config.max_memory_mib << 20, kind: E820_RAM }
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
