// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the p2m that a domain publishes agrees with the M2P.
//!
//! A domain publishes three levels of frames (`arch_shared_info` of `public/arch-x86/xen.h`): the
//! entries of the first two are frame numbers of the next, those of the last the p2m itself.
use xen_abi::domain::DomId;
use xen_abi::frame::Mfn;

use crate::page_table::entry_at;
use crate::page_type::Machine;

/// Index bits of one level.
const LEVEL_BITS: u32 = 9;

/// A pfn whose frame has another pfn by the M2P.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The pfn.
    pub pfn: u64,
    /// Its frame by the p2m.
    pub mfn: Mfn,
    /// That frame's pfn by the M2P.
    pub m2p: u64,
}

/// Compares the p2m of `owner`, whose first level is the frame `top`, for the pfns below
/// `max_pfn`. Frames that are not the owner's (mappings of others, holes) are not looked at.
/// Reports every disagreement and returns their number.
pub fn check<M: Machine>(
    machine: &M,
    owner: DomId,
    top: Mfn,
    max_pfn: u64,
    m2p: impl Fn(Mfn) -> u64,
    mut report: impl FnMut(Disagreement),
) -> u64 {
    let is_owned = |mfn: &Mfn| {
        machine.frame_table().get(*mfn).is_some_and(|page| {
            page.state().owner() == owner
                && page.state().is_allocated()
                && !page.state().is_shared()
        })
    };
    let entry = |table: Mfn, index: u64| {
        Some(Mfn::new(machine.read_u64(entry_at(table, index)))).filter(is_owned)
    };
    let mut disagreements: u64 = 0;
    for pfn in 0..max_pfn.min(machine.frame_table().len()) {
        let frame = Some(top).filter(is_owned);
        let frame = frame.and_then(|top| entry(top, pfn >> (2 * LEVEL_BITS)));
        let frame = frame.and_then(|middle| entry(middle, pfn >> LEVEL_BITS));
        let Some(mfn) = frame.and_then(|list| entry(list, pfn)) else { continue };
        let found = m2p(mfn);
        if found != pfn {
            disagreements = disagreements.saturating_add(1);
            report(Disagreement { pfn, mfn, m2p: found });
        }
    }
    disagreements
}
