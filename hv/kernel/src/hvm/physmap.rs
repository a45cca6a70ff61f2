// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changing what is behind a frame number of a PVH guest, and finding it.
use core::sync::atomic::Ordering;

use hv_core::hvm::p2m::{Kind, Leaf, P2m};
use hv_core::page_type::{BUDGET, Machine, PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, INVALID_M2P_ENTRY, Mfn, Pfn};

use super::Hvm;
use crate::domain::Domain;
use crate::life::Progress;
use crate::machine::Host;
use crate::memory::frames;

/// The machine frame behind `gfn`: the same for a PV domain, which names machine frames.
pub fn machine_frame(domain: &Domain, gfn: Mfn) -> Option<Mfn> {
    let Some(hvm) = &domain.hvm else { return Some(gfn) };
    get(hvm, Gfn::new(gfn.get())).map(|leaf| leaf.mfn)
}

/// What is behind `gfn`.
pub fn get(hvm: &Hvm, gfn: Gfn) -> Option<Leaf> {
    hvm.p2m.lock().as_ref()?.get(&Host, gfn)
}

/// Puts a frame of `owner` behind `gfn` of `domain`, instead of what was there.
///
/// # Errors
/// As [`P2m::add`]; `EBUSY` where that was preempted; `EINVAL` for a domain that is being destroyed.
pub fn add(domain: &Domain, hvm: &Hvm, gfn: Gfn, leaf: Leaf, owner: DomId) -> Result<(), Errno> {
    let most_pages = domain.pages.lock().max;
    let mut p2m = hvm.p2m.lock();
    let p2m = p2m.as_mut().ok_or(Errno::Einval)?;
    p2m.set_max_tables(super::SPARE_TABLES.saturating_add(most_pages >> 8));
    let types = PageTypes::new(&Host, BUDGET);
    let added = p2m.add(&types, gfn, leaf, owner, || {
        let frame = frames::alloc_zeroed(0)?;
        domain.table_pages.fetch_add(1, Ordering::Relaxed);
        Some(frame)
    });
    match added {
        Ok(Some(old)) => forget(&old),
        Ok(None) => {}
        Err(Stop::Refused(errno)) => return Err(errno),
        Err(Stop::Preempted) => return Err(Errno::Ebusy),
    }
    if owner == domain.id {
        frames::set_m2p(leaf.mfn, Pfn::new(gfn.get()));
    }
    Ok(())
}

/// Takes away what is behind `gfn`.
///
/// # Errors
/// `ENOENT` where there is nothing.
pub fn remove(hvm: &Hvm, gfn: Gfn) -> Result<Leaf, Errno> {
    let types = PageTypes::new(&Host, BUDGET);
    let removed = hvm.p2m.lock().as_mut().and_then(|p2m| p2m.remove(&types, gfn));
    let leaf = removed.ok_or(Errno::Enoent)?;
    forget(&leaf);
    Ok(leaf)
}

/// A leaf is gone: no processor may use it any longer, and a frame of the domain has no number.
fn forget(leaf: &Leaf) {
    Host.flush_tlb();
    if leaf.kind == Kind::Own {
        frames::set_m2p(leaf.mfn, Pfn::new(INVALID_M2P_ENTRY));
    }
}

/// Takes away memory of a dying domain, and at last the tables.
pub fn relinquish_some(domain: &Domain) -> Progress {
    const TABLES_PER_CALL: usize = 16;
    let Some(hvm) = &domain.hvm else { return Progress::Done };
    let mut place = hvm.p2m.lock();
    let Some(p2m) = place.as_mut() else { return Progress::Done };
    let types = PageTypes::new(&Host, BUDGET);
    let mut next = hvm.next_to_remove.lock();
    for _ in 0..TABLES_PER_CALL {
        if p2m.remove_some(&types, &mut next) {
            let tables = p2m.tables();
            place.take().into_iter().for_each(free);
            domain.table_pages.fetch_sub(tables.saturating_sub(1), Ordering::Relaxed);
            return Progress::Done;
        }
    }
    Progress::More
}

/// Gives the tables back; no guest runs on them any more.
pub fn free(p2m: P2m) {
    p2m.take_tables(&Host, |table| frames::free(table, 0));
}

/// The frame number under which a domain sees a frame of its own; an invalid one where it does not.
pub fn guest_frame(domain: &Domain, mfn: Mfn) -> Mfn {
    if domain.hvm.is_none() {
        return mfn;
    }
    match frames::m2p(mfn).get() {
        INVALID_M2P_ENTRY => Mfn::INVALID,
        gfn => Mfn::new(gfn),
    }
}
