// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page of ours that another domain may use.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::grant_table::{GrantEntryV1, GrantFlags, GrantRef};

use super::table;
use crate::memory::SharedPages;
use crate::suspend;

/// Another domain's right to a page; ends on drop, and when the domain is restored from a save.
///
/// If that domain still uses the page then, the page stays allocated until it does not.
#[derive(Debug)]
pub struct Grant {
    reference: GrantRef,
    /// `None` only while it is being dropped.
    pages: Option<SharedPages>,
    /// How often the domain had been restored when it was given: later it is gone.
    restores: u32,
}

/// Lets domain `domain` read (and write, unless `readonly`) one page of ours.
///
/// # Errors
/// `ENOSPC` if the table is full, `EINVAL` for a frame that a grant cannot name.
pub fn grant_access(
    domain: DomId,
    pages: &SharedPages,
    page: usize,
    readonly: bool,
) -> Result<Grant, Errno> {
    let frame = u32::try_from(pages.mfn(page).get()).map_err(|_| Errno::Einval)?;
    let mut flags = GrantFlags::PERMIT_ACCESS;
    flags.set(GrantFlags::READONLY, readonly);
    let reference = table::publish(GrantEntryV1 { flags, domid: domain, frame })?;
    Ok(Grant { reference, pages: Some(pages.clone()), restores: suspend::restores() })
}

impl Grant {
    /// The number that the other domain needs.
    #[must_use]
    pub fn reference(&self) -> GrantRef {
        self.reference
    }

    /// Ends the grant and gives its pages back, unless the other side uses them now.
    ///
    /// # Errors
    /// The grant itself, if it is in use.
    pub fn end(mut self) -> Result<SharedPages, Self> {
        if self.is_alive() && !table::try_end(self.reference) {
            return Err(self);
        }
        match self.pages.take() {
            Some(pages) => Ok(pages),
            None => Err(self),
        }
    }

    /// Whether the reference is still ours.
    fn is_alive(&self) -> bool {
        self.restores == suspend::restores()
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if let Some(pages) = self.pages.take()
            && self.is_alive()
        {
            table::end(self.reference, pages);
        }
    }
}
