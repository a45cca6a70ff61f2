// SPDX-License-Identifier: MIT OR Apache-2.0
//! `set_gdt` and `update_descriptor`.
use hv_core::descriptor::Descriptor;
use hv_core::page_type::{PageTypes, Stop};
use xen_abi::errno::Errno;
use xen_abi::frame::{Maddr, Mfn};
use xen_abi::trap::FIRST_RESERVED_GDT_ENTRY;

use super::{Outcome, page_owner};
use crate::current::Current;
use crate::descriptor_window;
use crate::guest_ptr::GuestPtr;
use crate::machine::Host;
use crate::vcpu::GdtState;

/// Descriptors in a frame.
const PER_FRAME: u32 = 512;

/// Uses `entries` descriptors in the listed frames as the caller's GDT.
///
/// # Errors
/// `EINVAL` for more entries than are the guest's, and for frames that cannot hold descriptors;
/// `EFAULT`.
pub fn set_gdt(current: &Current, list: GuestPtr<u64>, entries: u32) -> Result<Outcome, Errno> {
    if entries > FIRST_RESERVED_GDT_ENTRY {
        return Err(Errno::Einval);
    }
    let types = page_owner::page_types();
    let mut new = GdtState { frames: [None; 14], entries };
    let count = entries.div_ceil(PER_FRAME);
    for (frame, index) in new.frames.iter_mut().zip(0..u64::from(count)) {
        let step = list.element(index).and_then(GuestPtr::read).map_err(Stop::Refused);
        let step = step.and_then(|mfn| {
            types.get_descriptors(Mfn::new(mfn), current.domain().id).map(|()| mfn)
        });
        match step {
            Ok(mfn) => *frame = Some(Mfn::new(mfn)),
            Err(stop) => {
                drop_frames(&types, &new.frames);
                let again = [list.address(), u64::from(entries), 0, 0, 0, 0];
                return match stop {
                    Stop::Refused(errno) => Err(errno),
                    Stop::Preempted => Ok(Outcome::Continue(again)),
                };
            }
        }
    }
    install_gdt(current, &types, new);
    Ok(Outcome::Done(0))
}

/// Shows the CPU the new table, and drops the old one.
fn install_gdt(current: &Current, types: &PageTypes<'_, Host>, new: GdtState) {
    let old = current.vcpu().gdt.get();
    current.vcpu().gdt.set(new);
    descriptor_window::load(current.vcpu());
    drop_frames(types, &old.frames);
}

fn drop_frames(types: &PageTypes<'_, Host>, frames: &[Option<Mfn>]) {
    frames.iter().flatten().for_each(|frame| types.put_page_and_type(*frame));
}

/// Writes the descriptor at machine address `at` of the caller's memory.
///
/// # Errors
/// As [`PageTypes::update_descriptor`].
pub fn update_descriptor(current: &Current, at: u64, raw: u64) -> Result<Outcome, Errno> {
    let types = page_owner::page_types();
    let (at, descriptor) = (Maddr::new(at), Descriptor::new(raw));
    let result = types.update_descriptor(at, descriptor, current.domain().id);
    match page_owner::finished(result) {
        Some(result) => result.map(|()| Outcome::Done(0)),
        None => Ok(Outcome::Continue([at.get(), raw, 0, 0, 0, 0])),
    }
}
