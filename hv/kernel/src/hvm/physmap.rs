// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changing what is behind a frame number of a PVH guest, and finding it.
use core::sync::atomic::Ordering;

use hv_core::hvm::p2m::{Kind, LARGE_PAGES, Leaf, P2m};
use hv_core::page_type::{BUDGET, PageTypes, Stop};
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{Gfn, INVALID_M2P_ENTRY, Mfn, PAGE_SHIFT, Pfn};

use super::{Hvm, shadow};
use crate::domain::Domain;
use crate::life::Progress;
use crate::machine::Host;
use crate::memory::{domain_frames, frames};

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
/// As [`Leaf::hold`] and [`P2m::set`]; `EBUSY` where the first was preempted; `EINVAL` for a domain
/// that is being destroyed.
pub fn add(domain: &Domain, hvm: &Hvm, gfn: Gfn, leaf: Leaf, owner: DomId) -> Result<(), Errno> {
    let types = PageTypes::new(&Host, BUDGET);
    leaf.hold(&types, owner).map_err(|stop| match stop {
        Stop::Refused(errno) => errno,
        Stop::Preempted => Errno::Ebusy,
    })?;
    if owner == domain.id {
        take_from_elsewhere(domain, hvm, leaf.mfn, gfn);
    }
    match set(domain, hvm, gfn, leaf) {
        Ok(Some(old)) => forget(hvm, &types, &old),
        Ok(None) => {}
        Err(errno) => {
            leaf.let_go(&types);
            return Err(errno);
        }
    }
    if leaf.kind == Kind::Own {
        frames::set_m2p(leaf.mfn, Pfn::new(gfn.get()));
    }
    Ok(())
}

/// A frame of the domain itself has one number, as on Xen: when it gets another, the one before, if
/// it is not `gfn`, goes.
fn take_from_elsewhere(domain: &Domain, hvm: &Hvm, mfn: Mfn, gfn: Gfn) {
    let before = Gfn::new(frames::m2p(mfn).get());
    if before != gfn && get(hvm, before).is_some_and(|leaf| leaf.mfn == mfn) {
        // It was there a moment ago.
        let _ = remove(domain, hvm, before);
    }
}

/// Puts 2 MiB of fresh memory of the domain, from `first` on, behind the numbers from `gfn` on, as
/// one leaf; `false` where that is not possible.
///
/// # Errors
/// As [`add`].
pub fn add_large(domain: &Domain, hvm: &Hvm, gfn: Gfn, first: Mfn) -> Result<bool, Errno> {
    let types = PageTypes::new(&Host, BUDGET);
    let leaf = Leaf::own(first);
    let mut held = 0;
    let holding = (0..LARGE_PAGES).try_for_each(|offset| {
        leaf.at(offset).hold(&types, domain.id).map_err(|_| Errno::Einval)?;
        held = offset + 1;
        Ok(())
    });
    let result = holding.and_then(|()| {
        with_tables(domain, hvm, |p2m, tables| p2m.set_large(&Host, gfn, leaf, tables))
    });
    let pages = 0..held;
    if result == Ok(true) {
        pages.for_each(|offset| {
            frames::set_m2p(leaf.at(offset).mfn, Pfn::new(gfn.get() + offset));
        });
    } else {
        pages.for_each(|offset| leaf.at(offset).let_go(&types));
    }
    result
}

fn set(domain: &Domain, hvm: &Hvm, gfn: Gfn, leaf: Leaf) -> Result<Option<Leaf>, Errno> {
    with_tables(domain, hvm, |p2m, tables| p2m.set(&Host, gfn, leaf, tables))
}

/// Changes the p2m of a domain that is not being destroyed; new tables come from its allowance.
fn with_tables<R>(
    domain: &Domain,
    hvm: &Hvm,
    change: impl FnOnce(&mut P2m, &mut dyn FnMut() -> Option<Mfn>) -> Result<R, Errno>,
) -> Result<R, Errno> {
    if domain.life.lock().is_dying() {
        return Err(Errno::Einval);
    }
    let most_pages = domain.pages.lock().max;
    let mut p2m = hvm.p2m.lock();
    let p2m = p2m.as_mut().ok_or(Errno::Einval)?;
    p2m.set_max_tables(super::SPARE_TABLES.saturating_add(most_pages >> 8));
    change(p2m, &mut || {
        let frame = frames::alloc_zeroed(0)?;
        domain.table_pages.fetch_add(1, Ordering::Relaxed);
        Some(frame)
    })
}

/// Makes pages of the 2 MiB in which a domain has the physical `address`: it executes there.
///
/// # Errors
/// `ENOMEM` without a table; `EINVAL` for a domain that is being destroyed.
pub fn split(domain: &Domain, address: u64) -> Result<(), Errno> {
    let Some(hvm) = &domain.hvm else { return Ok(()) };
    let gfn = Gfn::new(address >> PAGE_SHIFT);
    with_tables(domain, hvm, |p2m, tables| p2m.split(&Host, gfn, tables))?;
    hvm.forget_translations();
    Ok(())
}

/// Takes away what is behind `gfn`. The frame that it names may be gone then, unless it is allocated
/// to the domain or granted to it.
///
/// # Errors
/// `ENOENT` where there is nothing; `ENOMEM` without a table to split a large leaf; `EINVAL` for a
/// domain that is being destroyed.
pub fn remove(domain: &Domain, hvm: &Hvm, gfn: Gfn) -> Result<Leaf, Errno> {
    let taken = with_tables(domain, hvm, |p2m, tables| p2m.take(&Host, gfn, tables))?;
    let leaf = taken.ok_or(Errno::Enoent)?;
    forget(hvm, &PageTypes::new(&Host, BUDGET), &leaf);
    Ok(leaf)
}

/// Takes away what is behind `gfn`, and gives memory of the domain back; a frame that the hypervisor
/// shares with it stays the hypervisor's.
///
/// # Errors
/// `ENXIO` for a frame of another domain; as [`remove`].
pub fn give_back(domain: &Domain, hvm: &Hvm, gfn: Gfn) -> Result<(), Errno> {
    let leaf = get(hvm, gfn).ok_or(Errno::Enoent)?;
    if leaf.kind != Kind::Own {
        return Err(Errno::Enxio);
    }
    let is_shared = frames::table().frame(leaf.mfn).state().is_shared();
    remove(domain, hvm, gfn)?;
    if is_shared { Ok(()) } else { domain_frames::take_back(domain, leaf.mfn) }
}

/// Takes away the large leaf that begins at `gfn`, and says of which frames it was.
pub fn remove_large(hvm: &Hvm, gfn: Gfn) -> Option<impl Iterator<Item = Mfn>> {
    let leaf = hvm.p2m.lock().as_mut()?.take_large(&Host, gfn)?;
    let types = PageTypes::new(&Host, BUDGET);
    let pages = (0..LARGE_PAGES).map(move |offset| leaf.at(offset));
    pages.clone().for_each(|page| forget(hvm, &types, &page));
    Some(pages.map(|page| page.mfn))
}

/// A leaf is gone: no shadow and no processor may use it any longer, a frame of the domain has no
/// number, and nothing holds the frame.
fn forget(hvm: &Hvm, types: &PageTypes<'_, Host>, leaf: &Leaf) {
    shadow::forget(hvm, leaf.mfn);
    hvm.forget_translations();
    if leaf.kind == Kind::Own {
        frames::set_m2p(leaf.mfn, Pfn::new(INVALID_M2P_ENTRY));
    }
    leaf.let_go(types);
}

/// Takes away memory of a dying domain, and at last the tables.
pub fn relinquish_some(domain: &Domain) -> Progress {
    const PAGES_PER_CALL: u64 = 2 * LARGE_PAGES;
    let Some(hvm) = &domain.hvm else { return Progress::Done };
    shadow::release(domain, hvm);
    let types = PageTypes::new(&Host, BUDGET);
    let mut done = 0;
    while done < PAGES_PER_CALL {
        let leaf = {
            let mut p2m = hvm.p2m.lock();
            let Some(p2m) = p2m.as_mut() else { return Progress::Done };
            p2m.take_next(&Host, &mut hvm.next_to_remove.lock())
        };
        let Some((leaf, pages)) = leaf else {
            finish(domain, hvm);
            return Progress::Done;
        };
        (0..pages).for_each(|offset| leaf.at(offset).let_go(&types));
        done += pages;
    }
    Progress::More
}

/// Gives back the tables of a dying domain.
fn finish(domain: &Domain, hvm: &Hvm) {
    let Some(p2m) = hvm.p2m.lock().take() else { return };
    domain.table_pages.fetch_sub(p2m.tables().saturating_sub(1), Ordering::Relaxed);
    free(p2m);
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
