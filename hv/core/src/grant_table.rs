// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grant tables, version 1 (`public/grant_table.h`).
//!
//! A domain's *grant table* has an entry for each frame it shows to others: the part the guest
//! writes ([`xen_abi::grant_table::SharedGrantEntry`]) and the hypervisor's own record of who uses
//! it ([`entry::Active`]). The domain that maps a grant has a *maptrack*: what it mapped, by handle.
//!
//! - [`entry`]: one entry: in use, and no longer.
//! - [`table`]: the granting side.
//! - [`maptrack`]: the mapping side.
//! - [`audit`]: whether both sides agree.
//!
//! A mapping *pins* its entry: the guest sees it in use and cannot take it back. The reference to
//! the frame itself belongs to the page table entry, so that the frame stays for as long as
//! anything can reach it, whatever becomes of the domain that granted it.

pub mod audit;
pub mod entry;
pub mod maptrack;
pub mod table;

#[cfg(test)]
mod tests;
