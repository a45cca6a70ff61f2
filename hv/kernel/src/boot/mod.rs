// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the loader to the first domain: `start.S`, then [`hv_main`], then [`on_own_stack`].
use core::arch::{asm, global_asm};

use hv_core::frame_table::FrameTable;
use hv_core::page_info::PageInfo;
use spin::Once;
use xen_abi::frame::Mfn;

use crate::arch::{control, cpu, descriptors, interrupt_table, pic, serial::Serial};
use crate::log;
use crate::memory::layout::{HV_FIRST_SLOT, HV_SLOTS, IMAGE, STACKS};
use crate::memory::{direct_map, frames};
use crate::pcpu::BOOT_PCPU;
use crate::time::Measurement;

mod failure;
pub mod firmware;
mod first_domain;
mod info;
mod memory;
mod multiboot;
mod options;
pub mod paging;
mod smap;

use failure::fail;
use info::BootInfo;
use memory::BootMemory;
use options::{BadOption, Options};
use paging::Mapper;

const BOOT_STACK_BYTES: usize = 32 << 10;

#[repr(C, align(16))]
struct BootStack(core::cell::UnsafeCell<[u8; BOOT_STACK_BYTES]>);

// SAFETY: a stack is used by the CPU alone.
unsafe impl Sync for BootStack {}

#[unsafe(no_mangle)]
static boot_stack: BootStack = BootStack(core::cell::UnsafeCell::new([0; BOOT_STACK_BYTES]));

global_asm!(include_str!("start.S"), BOOT_STACK_BYTES = const BOOT_STACK_BYTES);

static INFO: Once<BootInfo> = Once::new();

unsafe extern "C" {
    static image_end: u8;
}

/// The hypervisor's own command line.
pub fn command_line() -> &'static str {
    INFO.get().map_or("", |info| &info.command_line)
}

/// Machine address behind the image.
fn end_of_image() -> u64 {
    &raw const image_end as u64 - IMAGE
}

/// Entered by `start.S` on the boot page tables and the boot stack.
#[unsafe(no_mangle)]
extern "C" fn hv_main(magic: u32, address: u32) -> ! {
    Serial::init();
    log!("version {}", env!("CARGO_PKG_VERSION"));
    pic::disable();
    let info = INFO.call_once(|| multiboot::read(magic, address));
    cpu::find_features(options(info).smap);
    smap::patch();
    firmware::read();
    let memory = BootMemory::new(info, end_of_image());
    take_over_memory(info, memory);
    // SAFETY: the stack was mapped a moment ago and nothing on the old one is needed again.
    unsafe {
        asm!("mov rsp, {}", "xor ebp, ebp", "call {}", "ud2", in(reg) STACKS[0].top(),
            sym on_own_stack, options(noreturn));
    }
}

/// Makes the final page tables, the frame table and the allocator.
fn take_over_memory(info: &BootInfo, mut memory: BootMemory) {
    let frame_count = memory.memory_end() / 4096;
    let table_bytes = frame_count * size_of::<PageInfo>() as u64;
    let mut mapper = Mapper::new(&mut memory);
    let root = mapper.root();
    mapper.fill_slots(HV_FIRST_SLOT, HV_SLOTS);
    mapper.map_directly(frame_count * 4096);
    paging::map_image(&mut mapper);
    let m2p = paging::map_m2p(&mut mapper, frame_count);
    let area = paging::map_pcpu_area(&mut mapper);
    crate::arch::lapic::map(&mut mapper);
    crate::arch::ioapic::map(&mut mapper);
    let table = mapper.take(table_bytes.div_ceil(4096));
    // SAFETY: the new tables map the image, the stack in it, and everything reached by pointers.
    unsafe { control::set_cr3(root.maddr().get()) }
    // SAFETY: zeroed frames are a valid frame table, and they are never given back.
    let pages = unsafe {
        core::slice::from_raw_parts(direct_map::pointer(table.maddr()), frame_count as usize)
    };
    frames::init(frames::Frames {
        table: FrameTable::new(pages),
        m2p,
        root,
        zero: area.zero,
        pcpu_table: area.table,
    });
    mark_holes(info, frame_count);
    for range in memory.free_ranges() {
        let (first, end) = (Mfn::new(range.start / 4096), Mfn::new(range.end / 4096));
        frames::allocator().add(frames::table(), first, end);
    }
    BOOT_PCPU.init(area.own_gdt);
}

/// Marks as device memory every frame below the end of memory which the memory map does not list
/// as usable.
fn mark_holes(info: &BootInfo, frame_count: u64) {
    // The end of the usable frames from `frame` on.
    let usable_end = |frame: u64| {
        info.regions.iter().find_map(|region| {
            let end = region.start.saturating_add(region.bytes) / 4096;
            (region.kind == 1 && frame * 4096 >= region.start && frame < end).then_some(end)
        })
    };
    let mut frame = 0;
    while frame < frame_count {
        frame = usable_end(frame).unwrap_or_else(|| {
            frames::table().mark_io(Mfn::new(frame));
            frame + 1
        });
    }
}

/// The machine's memory map, as the loader gave it.
pub fn memory_map() -> &'static [info::Region] {
    INFO.get().map_or(&[], |info| &info.regions)
}

/// The rest of boot, on the pCPU's own stack.
extern "C" fn on_own_stack() -> ! {
    let info = INFO.get().expect("hv_main has read it");
    // SAFETY: `take_over_memory` mapped the window and wrote the hypervisor's part of the table.
    unsafe { descriptors::load_gdt() }
    BOOT_PCPU.load_gs();
    interrupt_table::init();
    cpu::enable_features();
    crate::entry::init_syscall();
    let free = frames::allocator().free_frames();
    log!("{} MiB free of {} MiB", free >> 8, frames::table().len() >> 8);
    crate::msi::tables::init();
    crate::hvm::start();
    let measurement = Measurement::begin();
    crate::console::start_input();
    let (domain, start) = first_domain::make(info, &options(info));
    measurement.start_clock();
    first_domain::enter(domain, &start)
}

/// What the command line says, or the end of it all.
fn options(info: &BootInfo) -> Options {
    Options::parse(&info.command_line).unwrap_or_else(|BadOption(word)| {
        fail(format_args!("the command line has `{word}`, which is no option or has no value"))
    })
}
