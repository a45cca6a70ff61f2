// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why an image cannot become a domain, each as a sentence for whoever supplied it.
use core::fmt;

/// What is wrong with a kernel image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The file does not start as an ELF file does.
    NotElf,
    /// The ELF file is for another machine than x86-64.
    WrongMachine,
    /// A header or a note points outside the file.
    Truncated,
    /// There is neither a Xen note nor a `__xen_guest` section.
    NoXenNote,
    /// `XEN_VERSION` is not `xen-3.0`.
    WrongXenVersion,
    /// The image requires a feature that PV domains do not have.
    UnsupportedFeature,
    /// `PADDR_OFFSET` is given without `VIRT_BASE`.
    OffsetWithoutBase,
    /// The kernel would lie below `VIRT_BASE`, or outside the address space.
    BadAddresses,
    /// The entry point or the hypercall page lies outside the kernel.
    EntryOutside,
    /// There is nothing to load.
    NoSegments,
    /// There is no entry for PVH domains.
    NoPvhEntry,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotElf => "the kernel is not an ELF file",
            Self::WrongMachine => "the kernel is an ELF file for another machine than x86-64",
            Self::Truncated => "the kernel is cut short: a header points outside the file",
            Self::NoXenNote => "the kernel has no Xen note: it was not built to run as a Xen guest",
            Self::WrongXenVersion => "the kernel's note XEN_VERSION is not \"xen-3.0\"",
            Self::UnsupportedFeature => "the kernel requires a feature that PV domains do not have",
            Self::OffsetWithoutBase => "the kernel's note PADDR_OFFSET needs a note VIRT_BASE",
            Self::BadAddresses => "the kernel's addresses do not fit its note VIRT_BASE",
            Self::EntryOutside => "the kernel's entry or hypercall page lies outside the kernel",
            Self::NoSegments => "the kernel has no segment to load",
            Self::NoPvhEntry => {
                "the kernel has no note PHYS32_ENTRY: it cannot start as a PVH domain"
            }
        })
    }
}

/// Why a domain could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError<E> {
    /// The initial area does not fit the domain's memory.
    TooLittleMemory {
        /// What the initial area takes, in KiB.
        needed_kib: u64,
        /// What the domain has, in KiB.
        given_kib: u64,
    },
    /// The initial area would leave the part of the address space that guests own.
    BadAddresses,
    /// The command line is longer than the 1023 bytes that start_info has for it.
    CommandLineTooLong,
    /// The domain's memory could not be written.
    Memory(E),
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLittleMemory { needed_kib, given_kib } => write!(
                f,
                "too little memory: kernel, ramdisk and start tables take {needed_kib} KiB, \
                 the domain has {given_kib} KiB"
            ),
            Self::BadAddresses => f.write_str("the kernel asks for addresses that Xen reserves"),
            Self::CommandLineTooLong => f.write_str("the command line is longer than 1023 bytes"),
            Self::Memory(error) => write!(f, "the domain's memory cannot be written: {error}"),
        }
    }
}
