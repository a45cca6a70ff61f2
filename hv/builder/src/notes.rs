// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an image says of itself, by ELF notes of the owner "Xen" (`public/elfnote.h`).
use crate::ImageError;
use crate::legacy;
use elf::ElfBytes;
use elf::endian::LittleEndian;
use elf::note::Note;
use xen_abi::elf_note::{self, NoteType};

/// The notes that decide how an image is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Where to start, a virtual address.
    pub entry: Option<u64>,
    /// Where the hypercall page is, a virtual address.
    pub hypercall_page: Option<u64>,
    /// The virtual address of pfn 0.
    pub virt_base: Option<u64>,
    /// What the ELF physical addresses are counted from.
    pub paddr_offset: Option<u64>,
    /// Where the p2m list is wanted, a virtual address.
    pub p2m_base: Option<u64>,
    /// Whether the kernel takes a ramdisk that is not mapped.
    pub unmapped_ramdisk: bool,
    /// Whether the image says that it is made for `xen-3.0`.
    pub version_fits: Option<bool>,
    /// Whether the image requires a feature that PV domains do not have.
    pub unsupported: bool,
    /// Where to start as a PVH domain, a physical address.
    pub phys32_entry: Option<u64>,
}

impl Notes {
    /// Reads the notes, or else the legacy `__xen_guest` section.
    pub(crate) fn read(file: &ElfBytes<'_, LittleEndian>) -> Result<Self, ImageError> {
        let mut notes = Self::default();
        let mut found = false;
        for segment in file.segments().into_iter().flatten() {
            if segment.p_type == elf::abi::PT_NOTE {
                let list = file.segment_data_as_notes(&segment);
                for note in list.map_err(|_| ImageError::Truncated)? {
                    found |= notes.take(&note)?;
                }
            }
        }
        if found { Ok(notes) } else { legacy::read(file)?.ok_or(ImageError::NoXenNote) }
    }

    fn take(&mut self, note: &Note<'_>) -> Result<bool, ImageError> {
        let Note::Unknown(note) = note else { return Ok(false) };
        if note.name.split(|&b| b == 0).next() != Some(b"Xen") {
            return Ok(false);
        }
        let kind = u32::try_from(note.n_type).map_err(|_| ImageError::Truncated)?;
        match NoteType::try_from(kind) {
            Ok(NoteType::Entry) => self.entry = Some(number(note.desc)?),
            Ok(NoteType::HypercallPage) => self.hypercall_page = Some(number(note.desc)?),
            Ok(NoteType::VirtBase) => self.virt_base = Some(number(note.desc)?),
            Ok(NoteType::PaddrOffset) => self.paddr_offset = Some(number(note.desc)?),
            Ok(NoteType::InitP2m) => self.p2m_base = Some(number(note.desc)?),
            Ok(NoteType::ModStartPfn) => self.unmapped_ramdisk = number(note.desc)? != 0,
            Ok(NoteType::XenVersion) => {
                self.version_fits = Some(text(note.desc) == elf_note::XEN_VERSION.as_bytes())
            }
            Ok(NoteType::Features) => self.unsupported |= requires_unsupported(text(note.desc)),
            Ok(NoteType::Phys32Entry) => self.phys32_entry = Some(number(note.desc)?),
            _ => {}
        }
        Ok(true)
    }
}

/// A numeric note is 4 or 8 bytes long.
fn number(desc: &[u8]) -> Result<u64, ImageError> {
    if let Ok(long) = desc.try_into() {
        return Ok(u64::from_le_bytes(long));
    }
    let short: [u8; 4] = desc.try_into().map_err(|_| ImageError::Truncated)?;
    Ok(u64::from(u32::from_le_bytes(short)))
}

fn text(desc: &[u8]) -> &[u8] {
    desc.split(|&b| b == 0).next().unwrap_or_default()
}

/// Features that no PV domain has, by their names in the note FEATURES. Not among them is
/// `writable_page_tables`: Linux has it in its list with a `!`, and Xen starts it none the less.
const ABSENT: [&[u8]; 3] =
    [b"writable_descriptor_tables", b"auto_translated_physmap", b"supervisor_mode_kernel"];

/// Whether a list like `!feature|feature` requires one of [`ABSENT`].
pub(crate) fn requires_unsupported(features: &[u8]) -> bool {
    features
        .split(|&b| b == b'|')
        .filter_map(|f| f.strip_prefix(b"!"))
        .any(|required| ABSENT.contains(&required))
}
