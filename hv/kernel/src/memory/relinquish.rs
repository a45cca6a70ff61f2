// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving back a dying domain's memory, in bounded steps.
use hv_core::page_type::{BUDGET, PageTypes};
use xen_abi::frame::Mfn;

use super::frames;
use crate::domain::Domain;
use crate::guest_areas;
use crate::hvm::physmap;
use crate::life::Progress;
use crate::machine::Host;
use crate::vcpu::{GdtState, LdtState, Vcpu};

/// Frames looked at before others get a turn.
const FRAMES_PER_CALL: usize = 512;

/// Takes the next step. Afterwards only frames are left that other domains refer to.
pub fn relinquish_some(domain: &Domain) -> Progress {
    let types = PageTypes::new(&Host, BUDGET);
    for vcpu in domain.vcpus() {
        drop_vcpu(&types, vcpu);
    }
    if physmap::relinquish_some(domain) == Progress::More {
        return Progress::More;
    }
    for _ in 0..FRAMES_PER_CALL {
        let Some(mfn) = next_frame(domain) else {
            return match types.settle_all(domain.id) {
                Ok(()) => Progress::Done,
                Err(_) => Progress::More,
            };
        };
        give_back(&types, domain, mfn);
    }
    Progress::More
}

/// The next frame to give back, each once: the list is turned as often as it had frames.
fn next_frame(domain: &Domain) -> Option<Mfn> {
    let mut pages = domain.pages.lock();
    let left = pages.to_relinquish.unwrap_or(pages.list.len()).checked_sub(1)?;
    pages.to_relinquish = Some(left);
    pages.list.rotate(frames::table())
}

/// Drops the pin and the allocation of a frame. A table that is only half checked is queued to be
/// taken apart, if the budget does not allow for it here.
fn give_back(types: &PageTypes<'_, Host>, domain: &Domain, mfn: Mfn) {
    let page = frames::table().frame(mfn);
    if page.type_word().is_pinned() {
        let unpinned = types.unpin(mfn, domain.id);
        debug_assert!(unpinned.is_ok(), "a pinned frame of the domain");
    }
    let _ = types.settle(mfn);
    if page.take_allocation(domain.id) {
        types.put_page(mfn);
    }
}

/// Drops what a vCPU holds of its domain's memory.
fn drop_vcpu(types: &PageTypes<'_, Host>, vcpu: &Vcpu) {
    guest_areas::forget(vcpu);
    let roots = [vcpu.kernel_root.get(), vcpu.user_root.get()];
    vcpu.kernel_root.set(None);
    vcpu.user_root.set(None);
    let gdt = vcpu.gdt.get();
    vcpu.gdt.set(GdtState::default());
    let ldt = vcpu.ldt.get();
    vcpu.ldt.set(LdtState::default());
    for frame in roots.into_iter().chain(gdt.frames).chain(ldt.frames).flatten() {
        types.put_page_and_type(frame);
    }
}
