// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recipe for a PVH domain: memory, image, parameters, grants, registers.

use alloc::format;
use alloc::string::{String, ToString};

use dom0_core::config::DomainConfig;
use dom0_core::domain_nodes::Ring;
use domain_builder::pvh::layout::{ACPI, CONSOLE, XENSTORE};
use domain_builder::pvh::{PvhImage, PvhLayout, acpi, populate, start_memory_types, start_state};
use minios::Errno;
use minios::hypercall::{memory_op, pvh_domain};
use minios::memory::map_foreign;
use xen_abi::domain::DomId;
use xen_abi::frame::{Gfn, Mfn, Pfn};
use xen_abi::hvm::HvmParam;

use super::{Built, Ports, failed, new_memory, populate_above, write_grants};

/// Where the grant table is while it is written: nothing of the domain is there.
const SCRATCH: Gfn = Gfn::new(0xf_eff0);

/// Fills the empty domain `domid` as `config` says.
pub(super) fn build(
    domid: DomId,
    config: &DomainConfig,
    kernel: &[u8],
    ramdisk: &[u8],
    nr_pages: u64,
) -> Result<Built, String> {
    let image = PvhImage::parse(kernel).map_err(|error| format!("{}: {error}", config.kernel))?;
    let layout = PvhLayout::plan::<Errno>(&image, nr_pages, ramdisk.len() as u64)
        .map_err(|error| error.to_string())?;
    // What comes back are the numbers under which the domain sees its frames.
    let mut parts = layout.memory();
    let mut memory = new_memory(domid, config, parts.next().map_or(0, |part| part.end))?;
    parts.try_for_each(|part| populate_above(domid, config, part))?;
    let start_info = populate(&image, &layout, ramdisk, &config.command_line, &mut memory)
        .map_err(|error| error.to_string())?;
    memory.close();
    make_special_pages(domid, config).map_err(failed("special pages"))?;
    memory_op::set_memory_map(domid, &layout.memory_map()).map_err(failed("memory map"))?;
    let ports = Ports::new(domid)?;
    let built = Built {
        store: Ring { frame: Mfn::new(XENSTORE.get()), port: ports.store },
        console: Ring { frame: Mfn::new(CONSOLE.get()), port: ports.console },
    };
    set_params(domid, &built).map_err(failed("parameters"))?;
    grant(domid, &built).map_err(failed("grant table"))?;
    let state = start_state(image.entry(), start_info);
    pvh_domain::set_state(domid, &state, &start_memory_types()).map_err(failed("registers"))?;
    Ok(built)
}

/// Gives the domain the pages outside of its memory.
fn make_special_pages(domid: DomId, config: &DomainConfig) -> Result<(), Errno> {
    let pages = [ACPI, XENSTORE, CONSOLE].map(|gfn| Pfn::new(gfn.get()));
    if memory_op::populate_physmap(domid, &pages, 0)?.len() < pages.len() {
        return Err(Errno::Enomem);
    }
    let vcpus = u8::try_from(config.vcpus).map_err(|_| Errno::Einval)?;
    let tables = acpi::tables(ACPI.get() << xen_abi::frame::PAGE_SHIFT, vcpus);
    map_foreign(domid, &[Mfn::new(ACPI.get())])?.write(0, &tables);
    Ok(())
}

/// Tells the domain where its rings are.
fn set_params(domid: DomId, built: &Built) -> Result<(), Errno> {
    let values = [
        (HvmParam::StorePfn, built.store.frame.get()),
        (HvmParam::StoreEvtchn, built.store.port.get().into()),
        (HvmParam::ConsolePfn, built.console.frame.get()),
        (HvmParam::ConsoleEvtchn, built.console.port.get().into()),
    ];
    values.into_iter().try_for_each(|(param, value)| pvh_domain::set_param(domid, param, value))
}

/// Writes the grant table through a place where the domain sees it for a moment.
fn grant(domid: DomId, built: &Built) -> Result<(), Errno> {
    pvh_domain::show_grant_table(domid, SCRATCH)?;
    let written = write_grants(domid, Mfn::new(SCRATCH.get()), built);
    pvh_domain::hide(domid, SCRATCH)?;
    written
}
