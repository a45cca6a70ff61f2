// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments narrowed from registers, and the domain an argument names.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;

use crate::current::Current;
use crate::domain::{self, DomainRef};

/// `EPERM` unless the caller may control other domains.
pub fn require_privilege(current: &Current) -> Result<(), Errno> {
    if current.domain().privileged { Ok(()) } else { Err(Errno::Eperm) }
}

/// The domain `id` names: the caller for [`DomId::SELF`]. `ESRCH` if there is none.
pub fn any_domain(current: &Current, id: DomId) -> Result<DomainRef, Errno> {
    let id = if id == DomId::SELF { current.domain().id } else { id };
    domain::find(id).ok_or(Errno::Esrch)
}

/// The domain `id` names, if the caller may act for it: it is the caller's own, or the caller is
/// privileged. `ESRCH` if there is none, `EPERM` otherwise.
pub fn controlled_domain(current: &Current, id: DomId) -> Result<DomainRef, Errno> {
    let domain = any_domain(current, id)?;
    if domain.id != current.domain().id {
        require_privilege(current)?;
    }
    Ok(domain)
}
