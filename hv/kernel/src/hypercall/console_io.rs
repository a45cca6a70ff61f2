// SPDX-License-Identifier: MIT OR Apache-2.0
//! `console_io`: the first domain writes to and reads from the hypervisor's console.
use xen_abi::console::ConsoleIoOp;
use xen_abi::errno::Errno;

use super::Outcome;
use super::argument::require_privilege;
use crate::console;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;

/// Bytes copied at a time.
const CHUNK: usize = 128;
/// Bytes written before others get a turn.
const BYTES_PER_CALL: u32 = 4096;

/// `console_io(op, count, buffer)`. Returns the bytes read. `EPERM` for any but the first domain,
/// `E2BIG` to read more than an `i32` counts.
pub fn console_io(
    current: &Current,
    op: u32,
    count: u32,
    buffer: GuestPtr<u8>,
) -> Result<Outcome, Errno> {
    require_privilege(current)?;
    match ConsoleIoOp::try_from(op)? {
        ConsoleIoOp::Write => write(op, count, buffer),
        ConsoleIoOp::Read => read(count, buffer).map(Outcome::from),
    }
}

fn write(op: u32, count: u32, buffer: GuestPtr<u8>) -> Result<Outcome, Errno> {
    let now = count.min(BYTES_PER_CALL);
    let mut done = 0;
    while done < now {
        let mut chunk = [0; CHUNK];
        let length = usize::try_from(now.saturating_sub(done)).map_or(CHUNK, |l| l.min(CHUNK));
        let part = chunk.get_mut(..length).ok_or(Errno::Einval)?;
        buffer.element(u64::from(done))?.read_slice(part)?;
        console::write_guest(part);
        done = done.saturating_add(u32::try_from(length).unwrap_or(now));
    }
    let left = count.saturating_sub(now);
    if left == 0 {
        return Ok(Outcome::Done(0));
    }
    let rest = buffer.element(u64::from(now))?;
    Ok(Outcome::Continue([u64::from(op), u64::from(left), rest.address(), 0, 0, 0]))
}

fn read(count: u32, buffer: GuestPtr<u8>) -> Result<u64, Errno> {
    let count = i32::try_from(count).map_err(|_| Errno::E2big)?.unsigned_abs();
    let mut done = 0;
    while done < u64::from(count) {
        let Some(byte) = console::peek_input() else { break };
        buffer.element(done)?.write(&byte)?;
        console::take_input();
        done = done.saturating_add(1);
    }
    Ok(done)
}
