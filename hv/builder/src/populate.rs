// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing the planned domain into its memory.
use crate::hypercall_page::hypercall_page;
use crate::memory::DomainMemory;
use crate::{BuildError, Image, ImageError, Layout, page_tables};
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::{Maddr, Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn, VirtAddr};
use xen_abi::start_info::{MAX_CMDLINE, SIF_MOD_START_PFN, StartInfo};
use zerocopy::IntoBytes;

/// What connects the domain with the rest of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Connections<'a> {
    /// The machine address of its shared_info page.
    pub shared_info: Maddr,
    /// `SIF_*` of start_info.
    pub flags: u32,
    /// Its port to xenstored; 0 for the first domain.
    pub store_port: EvtchnPort,
    /// Its port to the console daemon; 0 for the first domain.
    pub console_port: EvtchnPort,
    /// The kernel's command line.
    pub command_line: &'a str,
}

/// How to start the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// rip.
    pub entry: VirtAddr,
    /// rsi: where start_info is.
    pub start_info: VirtAddr,
    /// rsp: the end of the boot stack's page.
    pub stack_end: VirtAddr,
    /// The L4 to load and to pin.
    pub page_table: Mfn,
}

/// Writes kernel, ramdisk, p2m list, start_info and page tables.
///
/// # Errors
/// [`BuildError::CommandLineTooLong`], or what [`DomainMemory::write`] said.
pub fn populate<M: DomainMemory>(
    image: &Image<'_>,
    layout: &Layout,
    ramdisk: &[u8],
    connections: &Connections<'_>,
    memory: &mut M,
) -> Result<Start, BuildError<M::Error>> {
    for segment in image.segments() {
        // The image was checked when it was parsed.
        let segment = segment.map_err(|_: ImageError| BuildError::BadAddresses)?;
        memory.write(Pfn::new(0), segment.offset, segment.bytes).map_err(BuildError::Memory)?;
        let end = segment.offset.saturating_add(segment.bytes.len() as u64);
        write_zeros(end, segment.zeros, memory)?;
    }
    if let Some(offset) = image.hypercall_page_offset() {
        memory.write(Pfn::new(0), offset, &hypercall_page()).map_err(BuildError::Memory)?;
    }
    memory.write(Pfn::new(layout.ramdisk.start), 0, ramdisk).map_err(BuildError::Memory)?;
    write_p2m(layout, memory)?;
    for ring in [layout.xenstore, layout.console].into_iter().flatten() {
        write_zeros(ring.get() << PAGE_SHIFT, PAGE_SIZE as u64, memory)?;
    }
    let info = start_info(layout, connections, memory)?;
    memory.write(layout.start_info, 0, info.as_bytes()).map_err(BuildError::Memory)?;
    page_tables::write(layout, memory)?;
    let after_stack = Pfn::new(layout.stack.get().wrapping_add(1));
    Ok(Start {
        entry: image.entry(),
        start_info: layout.address(layout.start_info),
        stack_end: layout.address(after_stack),
        page_table: memory.mfn(Pfn::new(layout.page_tables.start)),
    })
}

/// Writes `count` zero bytes from `offset` on, in bytes behind pfn 0.
pub(crate) fn write_zeros<M: DomainMemory>(
    offset: u64,
    count: u64,
    memory: &mut M,
) -> Result<(), BuildError<M::Error>> {
    const ZEROS: [u8; 256] = [0; 256];
    let (mut at, mut left) = (offset, count);
    while left > 0 {
        let zeros = usize::try_from(left).ok().and_then(|left| ZEROS.get(..left)).unwrap_or(&ZEROS);
        memory.write(Pfn::new(0), at, zeros).map_err(BuildError::Memory)?;
        at = at.saturating_add(zeros.len() as u64);
        left = left.saturating_sub(zeros.len() as u64);
    }
    Ok(())
}

fn write_p2m<M: DomainMemory>(layout: &Layout, memory: &mut M) -> Result<(), BuildError<M::Error>> {
    let mut page = [0u8; PAGE_SIZE];
    let mut pfns = 0..layout.nr_pages;
    for at in layout.p2m.clone() {
        page.fill(0);
        for (cell, pfn) in page.chunks_exact_mut(8).zip(&mut pfns) {
            cell.copy_from_slice(&memory.mfn(Pfn::new(pfn)).get().to_le_bytes());
        }
        memory.write(Pfn::new(at), 0, &page).map_err(BuildError::Memory)?;
    }
    Ok(())
}

fn start_info<M: DomainMemory>(
    layout: &Layout,
    connections: &Connections<'_>,
    memory: &M,
) -> Result<StartInfo, BuildError<M::Error>> {
    let mut info = StartInfo {
        nr_pages: layout.nr_pages,
        shared_info: connections.shared_info,
        flags: connections.flags,
        pt_base: layout.address(Pfn::new(layout.page_tables.start)),
        nr_pt_frames: layout.page_tables.end.wrapping_sub(layout.page_tables.start),
        mfn_list: layout.address(Pfn::new(layout.p2m.start)),
        mod_len: layout.ramdisk_bytes,
        ..StartInfo::new()
    };
    if let Some(window) = &layout.p2m_window {
        info.mfn_list = window.base;
        info.first_p2m_pfn = Pfn::new(layout.p2m.start);
        info.nr_p2m_frames = window.tables.end.wrapping_sub(layout.p2m.start);
    }
    if layout.ramdisk_bytes > 0 {
        if layout.maps_ramdisk() {
            info.mod_start = layout.address(Pfn::new(layout.ramdisk.start)).get();
        } else {
            info.mod_start = layout.ramdisk.start;
            info.flags |= SIF_MOD_START_PFN;
        }
    }
    if let (Some(store), Some(console)) = (layout.xenstore, layout.console) {
        info.store_mfn = memory.mfn(store);
        info.store_evtchn = connections.store_port;
        info.set_console(memory.mfn(console), connections.console_port);
    }
    if connections.command_line.len() >= MAX_CMDLINE {
        return Err(BuildError::CommandLineTooLong);
    }
    info.set_cmd_line(connections.command_line.as_bytes());
    Ok(info)
}
