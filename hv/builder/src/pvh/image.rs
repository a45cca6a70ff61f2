// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel image for a PVH domain: its segments go to their physical addresses.
use elf::ElfBytes;
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;

use crate::ImageError;
use crate::image::Segment;
use crate::notes::Notes;

/// A parsed image.
pub struct PvhImage<'a> {
    file: ElfBytes<'a, LittleEndian>,
    entry: u32,
    end: u64,
}

impl<'a> PvhImage<'a> {
    /// Reads an ELF image, of 64 or 32 bits, and its notes.
    ///
    /// # Errors
    /// [`ImageError`] says what is wrong with the image.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(ImageError::NotElf);
        }
        let file = ElfBytes::<LittleEndian>::minimal_parse(bytes);
        let file = file.map_err(|_| ImageError::Truncated)?;
        if !matches!(file.ehdr.e_machine, elf::abi::EM_X86_64 | elf::abi::EM_386) {
            return Err(ImageError::WrongMachine);
        }
        let entry = Notes::read(&file)?.phys32_entry.ok_or(ImageError::NoPvhEntry)?;
        let entry = u32::try_from(entry).map_err(|_| ImageError::EntryOutside)?;
        let mut image = Self { file, entry, end: 0 };
        image.measure()?;
        Ok(image)
    }

    /// Where to start, a physical address.
    #[must_use]
    pub const fn entry(&self) -> u32 {
        self.entry
    }

    /// One behind the last byte of the kernel, a physical address.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The segments to load, with their physical addresses.
    ///
    /// # Errors
    /// [`ImageError::Truncated`] for a segment that the file does not hold.
    pub fn segments(&self) -> impl Iterator<Item = Result<Segment<'a>, ImageError>> + '_ {
        self.loads().map(|segment| {
            let bytes = self.file.segment_data(&segment).map_err(|_| ImageError::Truncated)?;
            let zeros = segment.p_memsz.wrapping_sub(segment.p_filesz);
            Ok(Segment { offset: segment.p_paddr, bytes, zeros })
        })
    }

    fn loads(&self) -> impl Iterator<Item = ProgramHeader> + '_ {
        let all = self.file.segments().into_iter().flatten();
        all.filter(|s| s.p_type == elf::abi::PT_LOAD && s.p_memsz > 0)
    }

    /// Finds the end of the kernel and checks every address.
    fn measure(&mut self) -> Result<(), ImageError> {
        let (mut end, mut starts) = (0, false);
        for segment in self.loads() {
            let behind = segment.p_paddr.checked_add(segment.p_memsz);
            let behind = behind.filter(|end| *end <= 1 << 32).ok_or(ImageError::BadAddresses)?;
            if segment.p_filesz > segment.p_memsz {
                return Err(ImageError::Truncated);
            }
            self.file.segment_data(&segment).map_err(|_| ImageError::Truncated)?;
            starts |= (segment.p_paddr..behind).contains(&u64::from(self.entry));
            end = behind.max(end);
        }
        match (end, starts) {
            (0, _) => Err(ImageError::NoSegments),
            (_, false) => Err(ImageError::EntryOutside),
            (end, true) => {
                self.end = end;
                Ok(())
            }
        }
    }
}
