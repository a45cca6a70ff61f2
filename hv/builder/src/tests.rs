// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::{BuildError, Connections, DomainMemory, Image, ImageError, Layout, Params, populate};
use std::vec;
use std::vec::Vec;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::{Maddr, Mfn, PAGE_SIZE, Pfn};
use xen_abi::start_info::{SIF_MOD_START_PFN, StartInfo};
use zerocopy::FromBytes;

extern crate std;

pub(crate) const KERNEL: u64 = 0x10_0000;

pub(crate) fn note(kind: u32, desc: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [4, u32::try_from(desc.len()).unwrap(), kind] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(b"Xen\0");
    bytes.extend(desc);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An ELF file with one segment of `0x3000` bytes in memory at 1 MiB, and notes.
pub(crate) fn elf(machine: u16, notes: &[u8]) -> Vec<u8> {
    let text = [0x90u8; 0x1800];
    let (text_at, notes_at) = (0x1000u64, 0x1000 + text.len() as u64);
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(2u16.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for word in [KERNEL, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 2, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    let notes_len = notes.len() as u64;
    for (kind, at, address, in_file, in_memory) in
        [(1u32, text_at, KERNEL, text.len() as u64, 0x3000), (4, notes_at, 0, notes_len, notes_len)]
    {
        file.extend(kind.to_le_bytes());
        file.extend(5u32.to_le_bytes());
        for word in [at, address, address, in_file, in_memory, 4] {
            file.extend(word.to_le_bytes());
        }
    }
    file.resize(0x1000, 0);
    file.extend(text);
    file.extend(notes);
    file
}

fn notes() -> Vec<u8> {
    [
        note(5, b"xen-3.0\0"),
        note(1, &(KERNEL + 0x10).to_le_bytes()),
        note(2, &(KERNEL + 0x1000).to_le_bytes()),
        note(3, &0u64.to_le_bytes()),
        note(4, &0u64.to_le_bytes()),
    ]
    .concat()
}

#[test]
fn each_fault_has_its_sentence() {
    let fault = |bytes: &[u8]| Image::parse(bytes).err().unwrap();
    assert_eq!(fault(b""), ImageError::NotElf);
    assert_eq!(fault(b"\x7fELF"), ImageError::Truncated);
    assert_eq!(fault(b"\x7fELF\x01\x01"), ImageError::WrongMachine);
    assert_eq!(fault(&elf(40, &notes())), ImageError::WrongMachine);
    assert_eq!(fault(&elf(62, &[])), ImageError::NoXenNote);
    assert_eq!(fault(&elf(62, &note(5, b"xen-2.0\0"))), ImageError::WrongXenVersion);
    assert_eq!(fault(&elf(62, &note(4, &[0; 8]))), ImageError::OffsetWithoutBase);
    assert_eq!(fault(&elf(62, &note(1, &[0; 8]))), ImageError::EntryOutside);
    assert_eq!(fault(&elf(62, &note(3, &[0xff; 8]))), ImageError::BadAddresses);
    let features = note(10, b"pae|!auto_translated_physmap\0");
    assert_eq!(fault(&elf(62, &features)), ImageError::UnsupportedFeature);
}

#[test]
fn no_prefix_and_no_flipped_byte_panics() {
    let good = elf(62, &notes());
    for len in 0..good.len().min(0x400) {
        let _ = Image::parse(&good[..len]);
    }
    for at in (0..0xc0).chain(0x2800..good.len()) {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            if let Ok(image) = Image::parse(&bad) {
                let _ = plan(&image, 4096);
                image.segments().for_each(drop);
            }
        }
    }
}

fn plan(image: &Image<'_>, nr_pages: u64) -> Result<Layout, BuildError<()>> {
    Layout::plan(image, &Params { nr_pages, ramdisk_bytes: 0, has_rings: false })
}

/// The layout that the real Xen was seen to give a small first domain of 256 MiB.
#[test]
fn first_domain_is_laid_out_as_by_xen() {
    let mut file = elf(62, &notes());
    // The kernel ends at 0x111000.
    file[64 + 40..64 + 48].copy_from_slice(&0x11000u64.to_le_bytes());
    let layout = plan(&Image::parse(&file).unwrap(), 65536).unwrap();
    assert_eq!(layout.p2m, 0x111..0x191);
    assert_eq!(layout.start_info, Pfn::new(0x191));
    assert_eq!(layout.page_tables, 0x192..0x197);
    assert_eq!(layout.stack, Pfn::new(0x197));
    assert_eq!(layout.mapped_end, 0x400);
}

#[test]
fn too_little_memory_is_told_in_kib() {
    let file = elf(62, &notes());
    let error = plan(&Image::parse(&file).unwrap(), 512).unwrap_err();
    assert_eq!(error, BuildError::TooLittleMemory { needed_kib: 4096, given_kib: 2048 });
}

/// Memory whose mfns are the pfns in another order.
struct Memory(Vec<u8>);

impl DomainMemory for Memory {
    type Error = ();

    fn mfn(&self, pfn: Pfn) -> Mfn {
        Mfn::new(pfn.get() ^ 0x1_0001)
    }

    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), ()> {
        let at =
            usize::try_from(first.get()).unwrap() * PAGE_SIZE + usize::try_from(offset).unwrap();
        self.0.get_mut(at..at + bytes.len()).ok_or(())?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Memory {
    fn word(&self, mfn: Mfn, index: u64) -> u64 {
        let at = usize::try_from((mfn.get() ^ 0x1_0001) * 4096 + index * 8).unwrap();
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    /// Walks the tables: the entry that maps an address.
    fn walk(&self, root: Mfn, address: u64) -> u64 {
        let (mut table, mut entry) = (root, 0);
        for shift in [39, 30, 21, 12] {
            entry = self.word(table, address >> shift & 511);
            if entry & 1 == 0 {
                return 0;
            }
            table = Mfn::new(entry >> 12 & 0xff_ffff_ffff);
        }
        entry
    }
}

#[test]
fn populate_writes_tables_that_map_the_area() {
    let file = elf(62, &notes());
    let image = Image::parse(&file).unwrap();
    let ramdisk = vec![7u8; 5000];
    let params = Params { nr_pages: 2048, ramdisk_bytes: 5000, has_rings: true };
    let layout = Layout::plan::<()>(&image, &params).unwrap();
    let mut memory = Memory(vec![0xaa; 2048 * PAGE_SIZE]);
    let connections = Connections {
        shared_info: Maddr::new(0x1234_5000),
        flags: 0,
        store_port: EvtchnPort::new(1),
        console_port: EvtchnPort::new(2),
        command_line: "ip=10.0.2.16/24",
    };
    let start = populate(&image, &layout, &ramdisk, &connections, &mut memory).unwrap();
    for pfn in 0..layout.mapped_end {
        let entry = memory.walk(start.page_table, pfn * 4096);
        assert_eq!(entry >> 12 & 0xff_ffff_ffff, pfn ^ 0x1_0001);
        let writable = entry & 2 != 0;
        assert_eq!(writable, !layout.page_tables.contains(&pfn), "pfn {pfn:#x}");
    }
    assert_eq!(memory.walk(start.page_table, layout.mapped_end * 4096), 0);
    let at = usize::try_from(start.start_info.get()).unwrap();
    let (info, _) = StartInfo::read_from_prefix(&memory.0[at..]).unwrap();
    assert!(info.has_magic());
    assert_eq!(info.cmd_line(), "ip=10.0.2.16/24");
    assert_eq!((info.store_evtchn.get(), info.console_evtchn().get()), (1, 2));
    assert_eq!((info.mod_start, info.mod_len), (layout.ramdisk.start * 4096, 5000));
    let list = usize::try_from(info.mfn_list.get()).unwrap() + 8 * 2047;
    assert_eq!(memory.0[list..list + 8], (2047u64 ^ 0x1_0001).to_le_bytes());
    // The hypercall page's stub 1: push rcx; push r11; mov eax, 1; syscall.
    let stub = 0x10_1000 + 32;
    assert_eq!(memory.0[stub..stub + 10], [0x51, 0x41, 0x53, 0xb8, 1, 0, 0, 0, 0x0f, 0x05]);
    // What neither the file nor the plan fills: the segment's end, the rings.
    let pages = |range: core::ops::Range<u64>| {
        let bytes = usize::try_from(range.start * 4096).unwrap()
            ..usize::try_from(range.end * 4096).unwrap();
        &memory.0[bytes]
    };
    assert!(pages(0x102..0x103).iter().all(|byte| *byte == 0));
    for ring in [layout.xenstore.unwrap(), layout.console.unwrap()] {
        assert!(pages(ring.get()..ring.get() + 1).iter().all(|byte| *byte == 0));
    }
}

/// What Linux asks for: its ramdisk by pfn, the p2m list at an address of its own.
#[test]
fn ramdisk_and_p2m_list_lie_behind_the_initial_area_on_request() {
    let p2m_base = 0x80_0000_0000u64;
    let wishes = [note(15, &p2m_base.to_le_bytes()), note(16, &1u32.to_le_bytes())];
    let file = elf(62, &[notes(), wishes.concat()].concat());
    let image = Image::parse(&file).unwrap();
    let ramdisk = vec![7u8; 5000];
    let params = Params { nr_pages: 2048, ramdisk_bytes: 5000, has_rings: true };
    let layout = Layout::plan::<()>(&image, &params).unwrap();
    assert_eq!((layout.start_info, layout.mapped_end), (Pfn::new(0x103), 0x400));
    assert_eq!((layout.ramdisk.clone(), layout.p2m.clone()), (0x400..0x402, 0x402..0x406));
    // An L3, an L2, an L1.
    assert_eq!(layout.p2m_window.as_ref().unwrap().tables, 0x406..0x409);
    let mut memory = Memory(vec![0; 2048 * PAGE_SIZE]);
    let connections = Connections {
        shared_info: Maddr::new(0x1234_5000),
        flags: 0,
        store_port: EvtchnPort::new(1),
        console_port: EvtchnPort::new(2),
        command_line: "",
    };
    let start = populate(&image, &layout, &ramdisk, &connections, &mut memory).unwrap();
    for (page, pfn) in layout.p2m.clone().enumerate() {
        let entry = memory.walk(start.page_table, p2m_base + page as u64 * 4096);
        assert_eq!((entry >> 12 & 0xff_ffff_ffff, entry & 2), (pfn ^ 0x1_0001, 2));
    }
    assert_eq!(memory.walk(start.page_table, p2m_base + 4 * 4096), 0);
    assert_eq!(memory.walk(start.page_table, 0x400 * 4096), 0);
    assert_eq!(memory.walk(start.page_table, 0x3ff * 4096) & 3, 3);
    let at = usize::try_from(start.start_info.get()).unwrap();
    let (info, _) = StartInfo::read_from_prefix(&memory.0[at..]).unwrap();
    assert_eq!((info.mod_start, info.mod_len, info.flags), (0x400, 5000, SIF_MOD_START_PFN));
    assert_eq!((info.mfn_list.get(), info.first_p2m_pfn.get()), (p2m_base, 0x402));
    assert_eq!(info.nr_p2m_frames, 7);
    assert_eq!(memory.0[0x402 * 4096..][..8], 0x1_0001u64.to_le_bytes());
    assert_eq!(memory.0[0x400 * 4096..][..5000], ramdisk);
}

#[test]
fn a_p2m_list_where_other_things_are_is_refused() {
    // Not at a page, beside the kernel, in Xen's part, over the end of an L4 entry.
    for base in [0x80_0000_0800, 0x1000, 0xffff_8800_0000_0000 - 0x1000, 0xff_ffff_f000u64] {
        let file = elf(62, &[notes(), note(15, &base.to_le_bytes())].concat());
        let refused = match Image::parse(&file) {
            Err(error) => error == ImageError::BadAddresses,
            Ok(image) => plan(&image, 2048) == Err(BuildError::BadAddresses),
        };
        assert!(refused, "{base:#x}");
    }
}

#[test]
fn the_legacy_section_serves_where_there_are_no_notes() {
    let mut file = elf(62, &[]);
    let guest = b"GUEST_OS=x,XEN_VER=xen-3.0,VIRT_BASE=0x0,HYPERCALL_PAGE=0x101\0";
    let names = b"\0__xen_guest\0.shstrtab\0";
    let (guest_at, names_at) = (file.len() as u64, (file.len() + guest.len()) as u64);
    file.extend(guest);
    file.extend(names);
    let headers_at = file.len() as u64;
    file.extend([0; 64]);
    for (name, kind, at, len) in
        [(1u32, 1u32, guest_at, guest.len() as u64), (13, 3, names_at, names.len() as u64)]
    {
        file.extend(name.to_le_bytes());
        file.extend(kind.to_le_bytes());
        for word in [0, 0, at, len, 0, 1, 0] {
            file.extend(word.to_le_bytes());
        }
    }
    file[40..48].copy_from_slice(&headers_at.to_le_bytes());
    file[60..64].copy_from_slice(&[3, 0, 2, 0]);
    let image = Image::parse(&file).unwrap();
    assert_eq!(image.hypercall_page_offset(), Some(0x10_1000));
    assert_eq!(image.entry().get(), KERNEL);
}
