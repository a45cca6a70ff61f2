// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels and grants: whether both ends agree, and whether the tables' pages are counted.
use core::sync::atomic::Ordering;

use hv_core::audit::Audit;
use hv_core::event_channel;
use hv_core::grant_table;
use hv_core::grant_table::entry::Access;
use hv_core::grant_table::table::ACTIVE_PAGES;
use hv_core::page_type::PageType;
use xen_abi::domain::DomId;

use crate::domain::{self, Domain};
use crate::grants;
use crate::hvm::shadow;
use crate::log;
use crate::machine::Host;

/// Checks the tables of a domain and returns the number of differences; of each table the first
/// one is found.
pub(super) fn check(domain: &Domain) -> u64 {
    let mut differences: u64 = 0;
    let mut note = |result: Result<(), &dyn core::fmt::Display>| {
        if let Err(difference) = result {
            log!("audit: {difference}");
            differences = differences.saturating_add(1);
        }
    };
    let events = check_events(domain);
    note(events.as_ref().map_err(|difference| difference as _).copied());
    let grants = check_grants(domain);
    note(grants.as_ref().map_err(|difference| difference as _).copied());
    let pages = check_pages(domain);
    let shadow = domain.hvm.as_ref().map_or(0, shadow::audit);
    differences.saturating_add(check_granters(domain)).saturating_add(pages).saturating_add(shadow)
}

/// Whether the pages of the tables are those that were counted.
fn check_pages(domain: &Domain) -> u64 {
    let records = domain.grants.lock().frames().saturating_mul(ACTIVE_PAGES);
    let others = domain.events.lock().pages().saturating_add(domain.maptrack.lock().pages());
    let shadow = domain.hvm.as_ref().map_or(0, shadow::pages);
    let hidden = second_level_tables(domain).saturating_add(shadow);
    let others = others.saturating_add(usize::try_from(hidden).unwrap_or(0));
    let (kept, found) =
        (domain.table_pages.load(Ordering::Relaxed), records.saturating_add(others));
    if kept == found as u64 {
        return 0;
    }
    log!("audit: the tables of {} have {found} pages, and {kept} were counted", domain.id);
    1
}

/// Second-level tables besides the first.
fn second_level_tables(domain: &Domain) -> u64 {
    let Some(hvm) = &domain.hvm else { return 0 };
    hvm.p2m.lock().as_ref().map_or(0, |p2m| p2m.tables().saturating_sub(1))
}

/// Counts the references of what a PVH domain sees as its memory.
pub(super) fn count_p2m(audit: &Audit<'_, Host>, domain: &Domain) {
    let Some(hvm) = &domain.hvm else { return };
    let p2m = hvm.p2m.lock();
    let Some(p2m) = p2m.as_ref() else { return };
    p2m.for_each(&Host, |_, leaf| {
        if leaf.writable {
            audit.typed(leaf.mfn, PageType::Writable);
        } else {
            audit.general(leaf.mfn);
        }
    });
}

/// Counts the references of mappings that devices may use.
pub(super) fn count_mappings(audit: &Audit<'_, Host>, domain: &Domain) {
    let maptrack = domain.maptrack.lock();
    for mapping in grant_table::audit::mappings(&maptrack).filter(|mapping| mapping.ways.device) {
        let mfn = grants::frame_of(&mapping);
        match mapping.access {
            Access::ReadOnly => audit.general(mfn),
            Access::ReadWrite => audit.typed(mfn, PageType::Writable),
        }
    }
}

/// A channel within the domain is looked up in the table that is locked already.
fn check_events(domain: &Domain) -> Result<(), event_channel::audit::Difference> {
    let events = domain.events.lock();
    event_channel::audit::check(&events, |remote, port| {
        let found = if remote == domain.id {
            events.port(port)
        } else {
            domain::find(remote)?.events.lock().port(port)
        };
        found.ok().map(|port| port.channel)
    })
}

fn check_grants(domain: &Domain) -> Result<(), grant_table::audit::Difference> {
    let grants = domain.grants.lock();
    grant_table::audit::check(&grants, |user, reference| {
        let Some(user) = domain::find(user) else { return (0, 0) };
        grant_table::audit::count(&user.maptrack.lock(), domain.id, reference)
    })
}

/// Whether every mapping of the domain is one of a grant that knows of it.
fn check_granters(domain: &Domain) -> u64 {
    let maptrack = domain.maptrack.lock();
    let mut differences: u64 = 0;
    for mapping in grant_table::audit::mappings(&maptrack) {
        let known = is_used_by(mapping.granter, &mapping, domain.id);
        if !known {
            let (granter, reference) = (mapping.granter, mapping.reference.get());
            log!("audit: {} maps grant {reference} of {granter}, which is not in use", domain.id);
            differences = differences.saturating_add(1);
        }
    }
    differences
}

fn is_used_by(granter: DomId, mapping: &grant_table::maptrack::Mapping, user: DomId) -> bool {
    domain::find(granter).is_some_and(|granter| {
        let grants = granter.grants.lock();
        grants
            .active(mapping.reference)
            .is_some_and(|active| active.pins > 0 && active.user == user)
    })
}
