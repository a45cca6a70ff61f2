// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercalls as safe functions: those of every domain, and those by which the first domain
//! manages the others.
//!
//! What a call does to memory of ours is checked here or by its types; what it does to another
//! domain is that domain's and the hypervisor's business.
//!
//! ```no_run
//! let version = minios::hypercall::version::version();
//! log::info!("Xen interface {}.{}", version >> 16, version & 0xffff);
//! ```
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use zerocopy::IntoBytes;

use crate::arch::hypercall::hypercall;

pub mod audit;
pub mod console_io;
pub mod domctl;
pub mod event_channel;
pub(crate) mod hvm;
pub mod memory_op;
pub mod mmu;
pub mod physdev;
pub mod pvh_domain;
pub mod sched;
pub mod sysctl;
pub mod version;

/// Makes a call whose second argument is a struct that is read and may be written.
///
/// # Safety
/// The struct itself must not name memory that the call would misuse.
unsafe fn call_with<T: IntoBytes>(
    call: Hypercall,
    cmd: u32,
    argument: &mut T,
) -> Result<u64, Errno> {
    let address = (&raw mut *argument).expose_provenance() as u64;
    // SAFETY: the call reads and writes within the struct, which we have exclusively; the caller
    // vouches for what it names.
    Errno::from_return(unsafe { hypercall(call, [cmd.into(), address, 0, 0, 0]) })
}

/// Makes a call whose only argument is a struct that is read and may be written.
///
/// # Safety
/// As for [`call_with`].
unsafe fn call_struct<T: IntoBytes>(call: Hypercall, argument: &mut T) -> Result<u64, Errno> {
    let address = (&raw mut *argument).expose_provenance() as u64;
    // SAFETY: as above.
    Errno::from_return(unsafe { hypercall(call, [address, 0, 0, 0, 0]) })
}
