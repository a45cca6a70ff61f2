// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the firmware's tables say of the machine, read while the boot page tables still show them.
use hv_core::acpi::{Platform, TableMemory, find_root};
use spin::Once;
use xen_abi::frame::Maddr;

use super::memory::BOOT_MAPPED;
use crate::memory::direct_map;

static PLATFORM: Once<Platform> = Once::new();

/// Memory as boot sees it.
struct Firmware;

impl TableMemory for Firmware {
    fn read(&self, at: u64, to: &mut [u8]) -> Option<()> {
        let end = at.checked_add(to.len() as u64)?;
        if end > BOOT_MAPPED {
            return None;
        }
        let from: *const u8 = direct_map::pointer(Maddr::new(at));
        // SAFETY: the boot tables map all below BOOT_MAPPED, and `to` is ours.
        unsafe { from.copy_to_nonoverlapping(to.as_mut_ptr(), to.len()) }
        Some(())
    }
}

/// Reads the tables.
pub(super) fn read() {
    PLATFORM.call_once(|| {
        find_root(&Firmware).map(|root| Platform::read(&Firmware, root)).unwrap_or_default()
    });
}

/// What they say; nothing where there are none.
pub fn platform() -> &'static Platform {
    PLATFORM.get().expect("boot reads the tables first")
}
