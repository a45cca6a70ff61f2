// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the builder reaches the memory of the domain that it builds.
use xen_abi::frame::{Mfn, Pfn};

/// The frames of a domain under construction. They may hold anything before the builder writes.
pub trait DomainMemory {
    /// What can go wrong when writing.
    type Error;

    /// The machine frame behind a pfn below the domain's `nr_pages`.
    fn mfn(&self, pfn: Pfn) -> Mfn;

    /// Writes `bytes` from `offset` bytes behind the start of `first` on; they may run over
    /// any number of consecutive pfns.
    ///
    /// # Errors
    /// What the implementation has to say.
    fn write(&mut self, first: Pfn, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}
