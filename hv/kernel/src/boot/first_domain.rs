// SPDX-License-Identifier: MIT OR Apache-2.0
//! Building and starting the first domain from the loader's modules: its kernel, and a ramdisk.
use core::ops::Range;

use domain_builder::{
    BuildError, Connections, DomainMemory, Image, Layout, Params, Start, populate,
};
use hv_core::buddy::MAX_ORDER;
use hv_core::page_table::Level;
use hv_core::page_type::{PageTypes, Stop};
use hv_core::scheduler::DEFAULT_WEIGHT;
use xen_abi::domain::DomId;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::{Maddr, Mfn, PAGE_SIZE, Pfn};
use xen_abi::start_info::{SIF_INITDOMAIN, SIF_PRIVILEGED};
use xen_abi::trap::{FLAT_KERNEL_CS, FLAT_KERNEL_SS};

use super::failure::fail;
use super::info::{BootInfo, Module};
use super::options::Options;
use crate::domain::{self, Domain, DomainRef, Kind, Limits};
use crate::machine::Host;
use crate::memory::{direct_map, frames};
use crate::{address_space, entry, log, schedule, switch, time};

/// Without `dom0_mem` the first domain gets a quarter of what is free, between these.
const DEFAULT_BYTES: Range<u64> = 64 << 20..1 << 30;
const PAGE: u64 = PAGE_SIZE as u64;

/// The share of the first domain: twice the usual one, because it works for all the others.
const WEIGHT: u32 = 2 * DEFAULT_WEIGHT;

/// Builds the first domain.
pub fn make(info: &BootInfo, options: &Options) -> (DomainRef, Start) {
    let Some(kernel) = info.modules.first() else {
        fail("the loader gave no module; the first one is the first domain's kernel");
    };
    let domain = Domain::create(DomId::DOM0, Kind::Pv, true, [0; 16], Limits::MAX)
        .expect("memory for the first domain");
    let nr_pages = options.dom0_bytes.unwrap_or_else(default_bytes) / PAGE;
    let start = build(&domain, kernel, info.modules.get(1), nr_pages).unwrap_or_else(|error| {
        fail(format_args!("the first domain cannot be built: {error}"));
    });
    domain::insert(domain.clone()).expect("the list of domains is empty");
    // From here on the modules' memory is free.
    for module in &info.modules {
        let (first, end) = (module.start.div_ceil(PAGE), module.end / PAGE);
        frames::allocator().add(frames::table(), Mfn::new(first), Mfn::new(end.max(first)));
    }
    (domain, start)
}

fn default_bytes() -> u64 {
    let quarter = frames::allocator().free_frames() * PAGE / 4;
    quarter.clamp(DEFAULT_BYTES.start, DEFAULT_BYTES.end)
}

/// Why there is no first domain.
enum Failure {
    Image(domain_builder::ImageError),
    Build(BuildError<core::convert::Infallible>),
    NoMemory { wanted_mib: u64, free_mib: u64 },
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Image(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
            Self::NoMemory { wanted_mib, free_mib } => {
                write!(f, "dom0_mem asks for {wanted_mib} MiB, and {free_mib} MiB are free")
            }
        }
    }
}

fn build(
    domain: &Domain,
    kernel: &Module,
    ramdisk: Option<&Module>,
    nr_pages: u64,
) -> Result<Start, Failure> {
    let image = Image::parse(bytes(kernel)).map_err(Failure::Image)?;
    let ramdisk = ramdisk.map_or(&[][..], bytes);
    let params = Params { nr_pages, ramdisk_bytes: ramdisk.len() as u64, has_rings: false };
    let layout = Layout::plan(&image, &params).map_err(Failure::Build)?;
    let mut memory = Memory::allocate(domain, nr_pages).ok_or_else(|| Failure::NoMemory {
        wanted_mib: nr_pages >> 8,
        free_mib: frames::allocator().free_frames() >> 8,
    })?;
    let connections = Connections {
        shared_info: domain.shared_info_frame.maddr(),
        flags: SIF_PRIVILEGED | SIF_INITDOMAIN,
        store_port: EvtchnPort::new(0),
        console_port: EvtchnPort::new(0),
        command_line: &kernel.arguments,
    };
    populate(&image, &layout, ramdisk, &connections, &mut memory).map_err(Failure::Build)
}

fn bytes(module: &Module) -> &'static [u8] {
    let start: *const u8 = direct_map::pointer(Maddr::new(module.start));
    let length = usize::try_from(module.end - module.start).expect("64-bit");
    // SAFETY: the loader put the module there; it is reserved until the domain is built.
    unsafe { core::slice::from_raw_parts(start, length) }
}

/// The frames of the first domain: a table of frame numbers, in frames of its own.
struct Memory {
    table: Mfn,
    table_order: u32,
    nr_pages: u64,
}

impl Memory {
    /// Allocates the domain's frames in blocks as large as there are. They hold what they held at
    /// boot, as on Xen: no domain has used them before, and wiping takes long.
    fn allocate(domain: &Domain, nr_pages: u64) -> Option<Self> {
        let table_order = (nr_pages * 8).div_ceil(PAGE).next_power_of_two().trailing_zeros();
        let table = frames::alloc_zeroed(table_order)?;
        let mut memory = Self { table, table_order, nr_pages };
        domain.pages.lock().max = nr_pages;
        let mut pfn = 0;
        while pfn < nr_pages {
            let wanted = (nr_pages - pfn).ilog2().min(MAX_ORDER);
            let alloc = |order| frames::allocator().alloc(frames::table(), order);
            let (first, order) =
                (0..=wanted).rev().find_map(|order| Some((alloc(order)?, order)))?;
            for frame in first.get()..first.get() + (1 << order) {
                memory.give(domain, Pfn::new(pfn), Mfn::new(frame));
                pfn += 1;
            }
        }
        Some(memory)
    }

    fn give(&mut self, domain: &Domain, pfn: Pfn, mfn: Mfn) {
        frames::table().assign(mfn, domain.id);
        domain.pages.lock().list.push_back(frames::table(), mfn);
        frames::set_m2p(mfn, pfn);
        // SAFETY: the entry lies in the table, which has room for nr_pages entries.
        unsafe { self.entry(pfn).write(mfn) }
    }

    fn entry(&self, pfn: Pfn) -> *mut Mfn {
        assert!(pfn.get() < self.nr_pages, "a page beyond the domain's memory");
        direct_map::pointer(Maddr::new(self.table.maddr().get() + pfn.get() * 8))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        frames::free(self.table, self.table_order);
    }
}

impl DomainMemory for Memory {
    type Error = core::convert::Infallible;

    fn mfn(&self, pfn: Pfn) -> Mfn {
        // SAFETY: the entry lies in the table and was written by `give`.
        unsafe { self.entry(pfn).read() }
    }

    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), Self::Error> {
        let mut at = first.get() * PAGE + offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = usize::try_from(PAGE - at % PAGE).expect("64-bit");
            let (part, next) = rest.split_at(room.min(rest.len()));
            let frame = self.mfn(Pfn::new(at / PAGE)).maddr().get();
            let to: *mut u8 = direct_map::pointer(Maddr::new(frame + at % PAGE));
            // SAFETY: the part stays within one frame of the domain, which does not run yet.
            unsafe { part.as_ptr().copy_to_nonoverlapping(to, part.len()) }
            at += part.len() as u64;
            rest = next;
        }
        Ok(())
    }
}

/// Sets up the registers and leaves ring 0 for good.
pub fn enter(domain: DomainRef, start: &Start) -> ! {
    let vcpu = domain.vcpu(0).expect("a domain is made with its first vCPU");
    adopt_page_tables(&domain, start.page_table);
    address_space::set_kernel_root(vcpu, start.page_table);
    vcpu.regs.rip.set(start.entry.get());
    vcpu.regs.rsi.set(start.start_info.get());
    vcpu.regs.rsp.set(start.stack_end.get());
    vcpu.regs.rflags.set(0x202);
    vcpu.regs.cs.set(FLAT_KERNEL_CS);
    vcpu.regs.ss.set(FLAT_KERNEL_SS);
    time::update_wall_clock(&domain);
    schedule::set_weight(vcpu, WEIGHT);
    domain.life.lock().unpause().expect("a new domain is paused once");
    schedule::set_up(vcpu, true);
    log!("starting the first domain");
    let next = switch::next_vcpu();
    // SAFETY: the vCPU has been loaded; what is on this stack is not needed again.
    unsafe { entry::start(&next) }
}

/// Pins the L4, and takes the references of a root in use.
fn adopt_page_tables(domain: &Domain, root: Mfn) {
    let finish = |step: &mut dyn FnMut(&PageTypes<'_, Host>) -> Result<(), Stop>| loop {
        match step(&PageTypes::new(&Host, u32::MAX)) {
            Ok(()) => return,
            Err(Stop::Preempted) => {}
            Err(Stop::Refused(error)) => panic!("the builder's page tables are wrong: {error}"),
        }
    };
    finish(&mut |types| types.pin(root, Level::L4, domain.id));
    finish(&mut |types| types.get_root(root, domain.id));
}
