// SPDX-License-Identifier: MIT OR Apache-2.0
//! Access to hardware. The first domain has all of it; nobody else can be given any, because
//! without an IOMMU a device reaches the memory of everybody.
use xen_abi::domctl::{IomemPermission, IoportPermission, IrqPermission};
use xen_abi::errno::Errno;

use crate::domain::Domain;

/// I/O ports there are.
const PORTS: u32 = 1 << 16;

/// Interrupts.
pub(super) fn irq(domain: &Domain, request: IrqPermission) -> Result<(), Errno> {
    change(domain, request.allow_access)
}

/// Device memory. `EINVAL` for a range that is none.
pub(super) fn iomem(domain: &Domain, request: IomemPermission) -> Result<(), Errno> {
    request.first_mfn.checked_add(request.nr_mfns).ok_or(Errno::Einval)?;
    change(domain, request.allow_access)
}

/// I/O ports. `EINVAL` for a range that is none.
pub(super) fn ioport(domain: &Domain, request: IoportPermission) -> Result<(), Errno> {
    let end = request.first_port.checked_add(request.nr_ports).ok_or(Errno::Einval)?;
    if end > PORTS {
        return Err(Errno::Einval);
    }
    change(domain, request.allow_access)
}

/// What a domain has, or has not, can be confirmed; `EPERM` for a change.
fn change(domain: &Domain, allow: u8) -> Result<(), Errno> {
    if domain.privileged == (allow != 0) { Ok(()) } else { Err(Errno::Eperm) }
}
