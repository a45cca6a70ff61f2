// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's Linux kernel: unpacked so that a hypervisor can load it, and its modules.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use object::{
    Endianness,
    read::elf::{ElfFile64, FileHeader, SectionHeader},
};

use super::{Debian, decompress, output};
use crate::{cpio::Archive, progress::Step};

/// The package that depends on the newest kernel.
const NEWEST: &str = "linux-image-amd64";
/// Where `vmlinuz` says what it carries: the number of 512-byte sectors before its payload's
/// segment, and the payload's offset therein and length (boot protocol 2.08).
const SETUP_SECTORS: usize = 0x1f1;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const XZ: &[u8] = b"\xfd7zXZ\0";
/// The file of a ramdisk that names its modules in the order in which they must be loaded.
const ORDER: &str = "/lib/modules/order";

/// A kernel and its modules.
pub(crate) struct Linux<'a> {
    debian: &'a Debian,
    release: String,
}

impl<'a> Linux<'a> {
    /// The kernel that was fetched before, or else the newest.
    pub(crate) fn fetch(debian: &'a Debian) -> Result<Self> {
        let release = match fetched(&debian.root()) {
            Some(release) => release,
            None => newest()?,
        };
        debian.require(&[&format!("linux-image-{release}")])?;
        Ok(Self { debian, release })
    }

    /// The kernel as an ELF file.
    pub(crate) fn vmlinux(&self) -> Result<PathBuf> {
        let vmlinux = self.debian.made(&format!("vmlinux-{}", self.release));
        if vmlinux.is_file() {
            return Ok(vmlinux);
        }
        let _step = Step::start("Decompressing Debian's kernel");
        let packed = self.debian.made("vmlinux.xz");
        fs::write(&packed, payload(&self.vmlinuz()?)?)?;
        decompress("xz", &packed, &vmlinux)?;
        fs::remove_file(packed)?;
        Ok(vmlinux)
    }

    /// The kernel as it is in the package, compressed.
    pub(crate) fn vmlinuz(&self) -> Result<Vec<u8>> {
        self.debian.read(&format!("/boot/vmlinuz-{}", self.release))
    }

    /// Adds the modules `names` and all that they depend on, and a list of them in the order in
    /// which they must be loaded, `/lib/modules/order`.
    pub(crate) fn add_modules(&self, archive: &mut Archive, names: &[&str]) -> Result<()> {
        let folder = format!("lib/modules/{}/kernel", self.release);
        let mut files = BTreeMap::new();
        find_modules(&self.debian.root().join(folder), &mut files)?;
        let mut order = Vec::new();
        for name in names {
            add_with_dependencies(&files, name, archive, &mut order)?;
        }
        archive.add(ORDER, order.join("\n") + "\n");
        Ok(())
    }
}

/// The release of a kernel that is unpacked already.
fn fetched(root: &Path) -> Option<String> {
    let entry = fs::read_dir(root.join("lib/modules")).ok()?.flatten().next()?;
    entry.file_name().into_string().ok()
}

/// The release of the newest kernel that apt knows.
fn newest() -> Result<String> {
    let text = output(Command::new("apt-cache").args(["depends", NEWEST])).with_context(|| {
        format!("apt knows no {NEWEST}: add Debian 12 to its sources, and type apt-get update")
    })?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let release = text.split_whitespace().find_map(|word| word.strip_prefix("linux-image-6"));
    Ok(format!("6{}", release.with_context(|| format!("{NEWEST} names no kernel 6.x"))?))
}

/// The compressed ELF file in the `vmlinuz`.
fn payload(vmlinuz: &[u8]) -> Result<&[u8]> {
    let word = |at: usize| {
        let bytes = vmlinuz.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let sectors = vmlinuz.get(SETUP_SECTORS).copied().map(usize::from);
    let found = sectors.zip(word(PAYLOAD_OFFSET)).zip(word(PAYLOAD_LENGTH));
    let payload = found.and_then(|((sectors, offset), length)| {
        let start = (sectors + 1) * 512 + offset;
        // The last four bytes are the length of what was compressed.
        vmlinuz.get(start..start + length.checked_sub(4)?)
    });
    let payload = payload.context("this is no Linux kernel")?;
    ensure!(payload.starts_with(XZ), "the kernel is not compressed by xz, as Debian 12's is");
    Ok(payload)
}

/// Finds the files of all modules below `folder` by their names, spelled with `_`.
fn find_modules(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            find_modules(&path, files)?;
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && let Some(name) = name.strip_suffix(".ko")
        {
            files.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

fn add_with_dependencies(
    files: &BTreeMap<String, PathBuf>,
    name: &str,
    archive: &mut Archive,
    order: &mut Vec<String>,
) -> Result<()> {
    let name = name.replace('-', "_");
    let file = format!("/lib/modules/{name}.ko");
    if order.contains(&file) {
        return Ok(());
    }
    let path = files.get(&name).with_context(|| format!("the kernel has no module {name}"))?;
    let bytes = fs::read(path)?;
    for other in dependencies(&bytes)? {
        add_with_dependencies(files, &other, archive, order)?;
    }
    archive.add(&file, bytes);
    order.push(file);
    Ok(())
}

/// The modules that the module `bytes` says it depends on.
fn dependencies(bytes: &[u8]) -> Result<Vec<String>> {
    let elf = ElfFile64::<Endianness>::parse(bytes)?;
    let endian = elf.endian();
    let sections = elf.elf_header().sections(endian, bytes)?;
    let (_, section) =
        sections.section_by_name(endian, b".modinfo").context("a module without .modinfo")?;
    let entries = section.data(endian, bytes)?.split(|byte| *byte == 0);
    let names = entries.filter_map(|entry| entry.strip_prefix(b"depends=")).flat_map(|names| {
        names.split(|byte| *byte == b',').map(|name| String::from_utf8_lossy(name).into_owned())
    });
    Ok(names.filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::{PAYLOAD_LENGTH, PAYLOAD_OFFSET, SETUP_SECTORS, XZ, payload};

    #[test]
    fn the_payload_is_where_the_header_says() {
        let mut vmlinuz = vec![0; 1024];
        vmlinuz[SETUP_SECTORS] = 1;
        vmlinuz[PAYLOAD_OFFSET] = 8;
        vmlinuz[PAYLOAD_LENGTH] = 12;
        vmlinuz.extend([0; 8]);
        vmlinuz.extend(XZ);
        vmlinuz.extend(*b"ab\0\0\0\0");
        assert_eq!(payload(&vmlinuz).unwrap(), [XZ, b"ab"].concat());
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        assert!(payload(b"").is_err());
        assert!(payload(&[0xff; 1024]).is_err());
        assert!(payload(&[0; 1024]).is_err());
    }
}
