// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the devices' tables of messages are, found once at boot. Devices that come later, or
//! whose memory the firmware has not placed, have lines only.
use heapless::Vec;
use hv_core::pci::config_write::{self, Kept, disable_messages};
use hv_core::pci::msix::Msix;
use spin::Once;
use xen_abi::frame::Mfn;

use crate::arch::pci::{self, Function};
use crate::log;
use crate::memory::frames;

/// Most functions with messages.
const MAX_TABLES: usize = 64;

type Tables = Vec<(Function, Msix), MAX_TABLES>;

static TABLES: Once<&[(Function, Msix)]> = Once::new();

/// Looks at all functions, and turns messages off that the firmware has left on.
pub fn init() {
    let mut place = frames::alloc_for::<Tables>().expect("memory for the list of messages");
    // SAFETY: the frames are for the list and nobody else's.
    unsafe { place.write(Tables::new()) }
    // SAFETY: the list was just written and is never given back.
    let tables = unsafe { place.as_mut() };
    pci::for_each_function(|function| {
        disable_messages(&function);
        if let Some(msix) = Msix::find(&function)
            && tables.push((function, msix)).is_err()
        {
            log!("more than {MAX_TABLES} functions have messages: {function:?} gets none");
        }
    });
    TABLES.call_once(|| tables);
}

fn all() -> &'static [(Function, Msix)] {
    TABLES.get().copied().unwrap_or_default()
}

/// The table of a function.
pub fn find(function: Function) -> Option<&'static Msix> {
    all().iter().find(|(other, _)| *other == function).map(|(_, msix)| msix)
}

/// Whether a frame of device memory has a part of any table.
pub fn has_frame(frame: Mfn) -> bool {
    all().iter().any(|(_, msix)| msix.has_frame(frame))
}

/// What is to be written where the domain that has the devices writes to `function`'s
/// configuration space.
pub fn allowed_write(function: Function, write: config_write::Write) -> Option<u32> {
    let kept: &[Kept] = find(function).map_or(&[], |msix| &msix.kept);
    config_write::allowed(&function, kept, write)
}
