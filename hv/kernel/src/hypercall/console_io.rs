// SPDX-License-Identifier: MIT OR Apache-2.0
//! `console_io`: the serial port for the first domain.
use xen_abi::errno::Errno;

use crate::arch::serial::Serial;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;

const WRITE: u32 = 0;
const CHUNK: usize = 128;

/// Writes `count` bytes at `text`, in chunks.
///
/// # Errors
/// `EPERM` for another domain than the first, `EFAULT`, `ENOSYS` for an unknown command.
pub fn console_io(
    current: &Current,
    command: u32,
    count: u32,
    text: GuestPtr,
) -> Result<u64, Errno> {
    if !current.domain().privileged {
        return Err(Errno::Eperm);
    }
    if command != WRITE {
        return Err(Errno::Enosys);
    }
    let mut done = 0u32;
    while done < count {
        let mut buffer = [0u8; CHUNK];
        let left = usize::try_from(count.saturating_sub(done)).unwrap_or(CHUNK);
        let chunk = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
        text.byte_offset::<u8>(u64::from(done))?.read_slice(chunk)?;
        for byte in chunk.iter() {
            if *byte == b'\n' {
                Serial::send(b'\r');
            }
            Serial::send(*byte);
        }
        done = done.saturating_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
    }
    Ok(0)
}
