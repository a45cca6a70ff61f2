// SPDX-License-Identifier: MIT OR Apache-2.0
//! Grants: pages that we let another domain use, and its pages that we use.
//!
//! ```no_run
//! # use minios::{DomId, GrantRef, grant_table, memory::SharedPages};
//! # fn example() -> Result<(), minios::Errno> {
//! let page = SharedPages::alloc(1)?;
//! let grant = grant_table::grant_access(DomId::DOM0, &page, 0, false)?;
//! // Tell the other side grant.reference(); it maps the page:
//! let theirs = grant_table::map(DomId::new(3), &[GrantRef::new(8)], false)?;
//! # let _ = theirs;
//! # Ok(())
//! # }
//! ```
mod copy;
mod grant;
mod mapping;
mod table;

pub use copy::{CopyBuffer, CopyOp, copy};
pub use grant::{Grant, grant_access};
pub use mapping::map;
pub use xen_abi::grant_table::GrantStatus;

pub(crate) use mapping::{GrantMapping, has_mappings};
pub(crate) use table::{resume, setup, suspend};

use xen_abi::errno::Errno;

/// The errno nearest to a status.
fn errno(status: GrantStatus) -> Errno {
    match status {
        GrantStatus::BAD_DOMAIN => Errno::Esrch,
        GrantStatus::PERMISSION_DENIED => Errno::Eperm,
        GrantStatus::NO_SPACE => Errno::Enospc,
        GrantStatus::EAGAIN => Errno::Eagain,
        GrantStatus::GENERAL_ERROR => Errno::Eio,
        _ => Errno::Einval,
    }
}
