// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_trap_table`: the guest's handlers of exceptions and software interrupts.
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::trap::TrapInfo;

use crate::current::Current;
use crate::guest_ptr::GuestPtr;

/// Most entries that are read: one for each vector, then the end mark.
const MAX_ENTRIES: u64 = 257;

/// Sets the handlers in `table`, which ends at the first address of 0; no table clears all.
///
/// # Errors
/// `EFAULT` for an unreadable table, `EINVAL` for an address that is not canonical; entries
/// before it stay set.
pub fn set_trap_table(current: &Current, table: GuestPtr<TrapInfo>) -> Result<u64, Errno> {
    let vcpu = current.vcpu();
    if table.is_null() {
        vcpu.traps.iter().for_each(|trap| trap.set(TrapInfo::default()));
        return Ok(0);
    }
    for index in 0..MAX_ENTRIES {
        let mut entry = table.element(index)?.read()?;
        if entry.address == 0 {
            return Ok(0);
        }
        if !VirtAddr::new(entry.address).is_canonical() {
            return Err(Errno::Einval);
        }
        entry.cs |= 3;
        if let Some(trap) = vcpu.traps.get(usize::from(entry.vector)) {
            trap.set(entry);
        }
    }
    Ok(0)
}
