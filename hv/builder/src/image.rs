// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel image: its segments, where they go, where it starts.
use crate::ImageError;
use crate::notes::Notes;
use elf::ElfBytes;
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;
use xen_abi::frame::VirtAddr;

/// A parsed kernel image whose addresses have been checked against each other.
pub struct Image<'a> {
    file: ElfBytes<'a, LittleEndian>,
    virt_base: u64,
    paddr_offset: u64,
    end: u64,
    entry: u64,
    hypercall_page: Option<u64>,
    p2m_base: Option<u64>,
    unmapped_ramdisk: bool,
}

/// One segment of an [`Image`], as it goes into memory.
pub struct Segment<'a> {
    /// Where it goes, in bytes behind pfn 0.
    pub offset: u64,
    /// What the file has of it.
    pub bytes: &'a [u8],
    /// How many zero bytes follow.
    pub zeros: u64,
}

impl<'a> Image<'a> {
    /// Reads an ELF image and its notes.
    ///
    /// # Errors
    /// [`ImageError`] says what is wrong with the image.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        check_ident(bytes)?;
        let file = ElfBytes::<LittleEndian>::minimal_parse(bytes);
        let file = file.map_err(|_| ImageError::Truncated)?;
        if file.ehdr.e_machine != elf::abi::EM_X86_64 {
            return Err(ImageError::WrongMachine);
        }
        let notes = Notes::read(&file)?;
        if notes.version_fits == Some(false) {
            return Err(ImageError::WrongXenVersion);
        }
        if notes.unsupported {
            return Err(ImageError::UnsupportedFeature);
        }
        if notes.paddr_offset.is_some() && notes.virt_base.is_none() {
            return Err(ImageError::OffsetWithoutBase);
        }
        let entry = notes.entry.unwrap_or(file.ehdr.e_entry);
        let mut image = Self {
            file,
            virt_base: notes.virt_base.unwrap_or(0),
            paddr_offset: notes.paddr_offset.unwrap_or(0),
            end: 0,
            entry,
            hypercall_page: notes.hypercall_page,
            p2m_base: notes.p2m_base,
            unmapped_ramdisk: notes.unmapped_ramdisk,
        };
        image.measure()?;
        Ok(image)
    }

    /// The virtual address of pfn 0.
    #[must_use]
    pub fn virt_base(&self) -> VirtAddr {
        VirtAddr::new(self.virt_base)
    }

    /// One behind the last byte of the kernel, a virtual address.
    #[must_use]
    pub fn end(&self) -> VirtAddr {
        VirtAddr::new(self.end)
    }

    /// Where to start.
    #[must_use]
    pub fn entry(&self) -> VirtAddr {
        VirtAddr::new(self.entry)
    }

    /// The hypercall page, in bytes behind pfn 0.
    #[must_use]
    pub fn hypercall_page_offset(&self) -> Option<u64> {
        self.hypercall_page.map(|page| page.wrapping_sub(self.virt_base))
    }

    /// Where the p2m list is wanted, if not in the initial area.
    #[must_use]
    pub fn p2m_base(&self) -> Option<VirtAddr> {
        self.p2m_base.map(VirtAddr::new)
    }

    /// Whether the kernel finds its ramdisk by pfn, so that it need not be mapped.
    #[must_use]
    pub fn unmapped_ramdisk(&self) -> bool {
        self.unmapped_ramdisk
    }

    /// The segments to load.
    ///
    /// # Errors
    /// [`ImageError::Truncated`] for a segment that the file does not hold.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment<'a>, ImageError>> + '_ {
        self.loads().map(|segment| {
            let bytes = self.file.segment_data(&segment).map_err(|_| ImageError::Truncated)?;
            let address = self.address(&segment).ok_or(ImageError::BadAddresses)?;
            let offset = address.wrapping_sub(self.virt_base);
            Ok(Segment { offset, bytes, zeros: segment.p_memsz.wrapping_sub(segment.p_filesz) })
        })
    }

    fn loads(&self) -> impl Iterator<Item = ProgramHeader> + '_ {
        let all = self.file.segments().into_iter().flatten();
        all.filter(|s| s.p_type == elf::abi::PT_LOAD && s.p_memsz > 0)
    }

    /// The virtual address that Xen gives a segment.
    fn address(&self, segment: &ProgramHeader) -> Option<u64> {
        segment.p_paddr.checked_sub(self.paddr_offset)?.checked_add(self.virt_base)
    }

    /// Finds the kernel's extent and checks every address against it.
    fn measure(&mut self) -> Result<(), ImageError> {
        let (mut start, mut end) = (u64::MAX, 0);
        for segment in self.loads() {
            let first = self.address(&segment).ok_or(ImageError::BadAddresses)?;
            let last = first.checked_add(segment.p_memsz).ok_or(ImageError::BadAddresses)?;
            if segment.p_filesz > segment.p_memsz {
                return Err(ImageError::Truncated);
            }
            self.file.segment_data(&segment).map_err(|_| ImageError::Truncated)?;
            (start, end) = (first.min(start), last.max(end));
        }
        if start > end {
            return Err(ImageError::NoSegments);
        }
        if !self.p2m_base.is_none_or(|base| base.is_multiple_of(PAGE)) {
            return Err(ImageError::BadAddresses);
        }
        if self.virt_base > start || !self.virt_base.is_multiple_of(PAGE) {
            return Err(ImageError::BadAddresses);
        }
        let inside = |address: u64| (start..end).contains(&address);
        let page_inside = |page: u64| page.is_multiple_of(PAGE) && inside(page);
        if !inside(self.entry) || !self.hypercall_page.is_none_or(page_inside) {
            return Err(ImageError::EntryOutside);
        }
        self.end = end;
        Ok(())
    }
}

const PAGE: u64 = 1 << xen_abi::frame::PAGE_SHIFT;

/// Tells "no ELF" and "another machine" apart before the rest of the file is looked at.
fn check_ident(bytes: &[u8]) -> Result<(), ImageError> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err(ImageError::NotElf);
    }
    match bytes.get(4..6) {
        Some([elf::abi::ELFCLASS64, elf::abi::ELFDATA2LSB]) => Ok(()),
        Some(_) => Err(ImageError::WrongMachine),
        None => Err(ImageError::Truncated),
    }
}
