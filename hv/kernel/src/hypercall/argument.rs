// SPDX-License-Identifier: MIT OR Apache-2.0
//! Arguments narrowed from registers, and the domain an argument names.
use core::ops::Deref;

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;

use crate::current::Current;
use crate::domain::{self, Domain, DomainRef};

/// The domain that an argument names.
pub enum Named<'c> {
    /// The caller, which stays as long as the call.
    Caller(&'c Domain),
    /// One that was looked up.
    Other(DomainRef),
}

impl Deref for Named<'_> {
    type Target = Domain;
    fn deref(&self) -> &Domain {
        match self {
            Self::Caller(domain) => domain,
            Self::Other(domain) => domain,
        }
    }
}

/// `EPERM` unless the caller may control other domains.
pub fn require_privilege(current: &Current) -> Result<(), Errno> {
    if current.domain().privileged { Ok(()) } else { Err(Errno::Eperm) }
}

/// The domain `id` names: the caller for [`DomId::SELF`]. `ESRCH` if there is none.
pub fn any_domain(current: &Current, id: DomId) -> Result<Named<'_>, Errno> {
    if id == DomId::SELF {
        return Ok(Named::Caller(current.domain()));
    }
    domain::find(id).map(Named::Other).ok_or(Errno::Esrch)
}

/// `EPERM` unless the caller may act for `domain`: it is the caller's own, or the caller is
/// privileged.
pub fn require_control(current: &Current, domain: &Domain) -> Result<(), Errno> {
    if domain.id == current.domain().id { Ok(()) } else { require_privilege(current) }
}

/// The domain `id` names, if the caller may act for it. `ESRCH` if there is none, `EPERM`
/// otherwise.
pub fn controlled_domain(current: &Current, id: DomId) -> Result<Named<'_>, Errno> {
    let domain = any_domain(current, id)?;
    require_control(current, &domain)?;
    Ok(domain)
}
