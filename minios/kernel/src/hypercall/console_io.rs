// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's own console: the first domain's.
use xen_abi::console::ConsoleIoOp;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;

use crate::arch::hypercall::hypercall;
use crate::arch::size;

/// Writes text.
///
/// ```no_run
/// minios::hypercall::console_io::write(b"hello\n")?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM` in a domU of a release Xen.
pub fn write(text: &[u8]) -> Result<(), Errno> {
    let (address, length) = (text.as_ptr().expose_provenance() as u64, text.len() as u64);
    let args = [ConsoleIoOp::Write.raw().into(), length, address, 0, 0];
    // SAFETY: the call reads `length` bytes of the slice.
    Errno::from_return(unsafe { hypercall(Hypercall::ConsoleIo, args) }).map(drop)
}

/// Reads what was typed; returns how many bytes, 0 if none wait.
///
/// # Errors
/// `EPERM` where [`write`] fails with it.
pub fn read(buffer: &mut [u8]) -> Result<usize, Errno> {
    let (address, length) = (buffer.as_mut_ptr().expose_provenance() as u64, buffer.len() as u64);
    let args = [ConsoleIoOp::Read.raw().into(), length, address, 0, 0];
    // SAFETY: the call writes at most `length` bytes to the slice.
    let count = Errno::from_return(unsafe { hypercall(Hypercall::ConsoleIo, args) })?;
    Ok(size(count).min(buffer.len()))
}
