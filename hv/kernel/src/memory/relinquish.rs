// SPDX-License-Identifier: MIT OR Apache-2.0
//! Giving back a dying domain's memory, in bounded steps.
use hv_core::page_type::{BUDGET, PageTypes};
use xen_abi::frame::Mfn;

use super::frames;
use crate::domain::Domain;
use crate::guest_areas;
use crate::life::Progress;
use crate::machine::Host;
use crate::vcpu::{GdtState, Vcpu};

/// Frames looked at before others get a turn.
const FRAMES_PER_CALL: usize = 512;

/// Takes the next step. Afterwards only frames are left that other domains refer to.
pub fn relinquish_some(domain: &Domain) -> Progress {
    let types = PageTypes::new(&Host, BUDGET);
    for vcpu in domain.vcpus() {
        drop_vcpu(&types, vcpu);
    }
    for _ in 0..FRAMES_PER_CALL {
        let Some(mfn) = next_frame(domain) else {
            return match types.settle_all(domain.id) {
                Ok(()) => Progress::Done,
                Err(_) => Progress::More,
            };
        };
        let page = frames::table().frame(mfn);
        if page.type_word().is_pinned() {
            // It is pinned and the domain's own; only the budget could be short.
            let _ = types.unpin(mfn, domain.id);
        }
        if page.take_allocation(domain.id) {
            types.put_page(mfn);
        }
    }
    Progress::More
}

/// The next frame that still has its allocation. Frames without it are behind those with it.
fn next_frame(domain: &Domain) -> Option<Mfn> {
    let mut pages = domain.pages.lock();
    let first = pages.list.first()?;
    if !frames::table().frame(first).state().is_allocated() {
        return None;
    }
    pages.list.rotate(frames::table())
}

/// Drops what a vCPU holds of its domain's memory.
fn drop_vcpu(types: &PageTypes<'_, Host>, vcpu: &Vcpu) {
    guest_areas::forget(vcpu);
    let roots = [vcpu.kernel_root.get(), vcpu.user_root.get()];
    vcpu.kernel_root.set(None);
    vcpu.user_root.set(None);
    let gdt = vcpu.gdt.get();
    vcpu.gdt.set(GdtState::default());
    for frame in roots.into_iter().chain(gdt.frames).flatten() {
        types.put_page_and_type(frame);
    }
}
