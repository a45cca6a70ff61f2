// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the records of a grant table agree with the mappings that exist.
//!
//! What the guest's own entries say is not compared: the guest may write nonsense there.

use super::entry::{Access, Active};
use super::maptrack::{Mapping, Maptrack};
use super::table::GrantTable;
use core::fmt;
use xen_abi::domain::DomId;
use xen_abi::grant_table::{GrantHandle, GrantRef};

/// A broken rule, and the grant which breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The granting domain.
    pub granter: DomId,
    /// The grant.
    pub reference: GrantRef,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} grant {}: {}", self.granter, self.reference.get(), self.what)
    }
}

/// How often a grant is mapped by one domain: all mappings, and the writable ones.
#[must_use]
pub fn count(maptrack: &Maptrack<'_>, granter: DomId, reference: GrantRef) -> (u32, u32) {
    let (mut pins, mut writers) = (0_u32, 0_u32);
    for mapping in mappings(maptrack) {
        if mapping.granter == granter && mapping.reference == reference {
            pins = pins.saturating_add(1);
            writers = writers.saturating_add(u32::from(mapping.access == Access::ReadWrite));
        }
    }
    (pins, writers)
}

/// All mappings of a domain.
pub fn mappings<'m>(maptrack: &'m Maptrack<'_>) -> impl Iterator<Item = Mapping> + 'm {
    let mut next = GrantHandle::new(0);
    core::iter::from_fn(move || {
        let (handle, mapping) = maptrack.next_live(next)?;
        next = GrantHandle::new(handle.get().saturating_add(1));
        Some(mapping)
    })
}

/// Checks a table. `mapped` counts the mappings of a grant, over the domain which uses it, as
/// [`count`] does.
pub fn check(
    table: &GrantTable<'_>,
    mapped: impl Fn(DomId, GrantRef) -> (u32, u32),
) -> Result<(), Difference> {
    let mut total = 0_u64;
    for reference in (0..table.entries()).map(GrantRef::new) {
        let wrong = |what| Err(Difference { granter: table.domain(), reference, what });
        let Some(active) = table.active(reference) else {
            return wrong("no record");
        };
        total = total.saturating_add(u64::from(active.pins));
        if active.pins == 0 {
            if *active != Active::UNUSED {
                return wrong("an unused record is not empty");
            }
            continue;
        }
        if mapped(active.user, reference) != (u32::from(active.pins), u32::from(active.writers)) {
            return wrong("its users are not the mappings there are");
        }
    }
    if total != table.pins() {
        let reference = GrantRef::new(table.entries());
        let what = "the sum of all uses is wrong";
        return Err(Difference { granter: table.domain(), reference, what });
    }
    Ok(())
}
