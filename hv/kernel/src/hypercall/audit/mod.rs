// SPDX-License-Identifier: MIT OR Apache-2.0
//! The audit hypercall of builds with assertions: counts again, from scratch, what the hypervisor
//! keeps count of, and says on the console where that differs.
use core::sync::atomic::Ordering;

use hv_core::audit::{Audit, p2m};
use hv_core::page_table::Level;
use hv_core::page_type::PageType;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::{INVALID_M2P_ENTRY, Mfn};

use crate::current::Current;
use crate::domain::{self, Domain, DomainRef};
use crate::log;
use crate::machine::Host;
use crate::memory::frames;
use crate::vcpu::Vcpu;

mod objects;

/// Counts everything again and returns the number of differences; or, with `what` 1, provokes a
/// double fault, to see its report.
///
/// # Errors
/// `EPERM` for all but the first domain.
pub fn audit(current: &Current, what: u32) -> Result<u64, Errno> {
    const DOUBLE_FAULT: u32 = 1;
    if !current.domain().privileged {
        return Err(Errno::Eperm);
    }
    if what == DOUBLE_FAULT {
        crate::arch::stack::overflow();
    }
    let audit = Audit::start(&Host);
    let mut differences: u64 = 0;
    for domain in domains() {
        domain.vcpus().for_each(|vcpu| count_vcpu(&audit, vcpu));
        objects::count_mappings(&audit, &domain);
        objects::count_p2m(&audit, &domain);
        differences = differences.saturating_add(objects::check(&domain));
        differences = differences.saturating_add(check_p2m(&domain));
        if !audit.is_complete(domain.id, &domain.pages.lock().list) {
            log!("audit: the page list of {} is not what it owns", domain.id);
            differences = differences.saturating_add(1);
        }
    }
    differences = differences.saturating_add(check_free(&audit));
    differences = differences.saturating_add(check_m2p(&audit));
    let counts = audit.finish(|difference| log!("audit: {difference}"));
    Ok(differences.saturating_add(counts))
}

/// All domains, by number.
fn domains() -> impl Iterator<Item = DomainRef> {
    let next = |id: Option<u16>| domain::find_from(DomId::new(id?));
    core::iter::successors(next(Some(0)), move |last| next(last.id.get().checked_add(1)))
}

/// Whether the p2m that a domain publishes, if it does, agrees with the M2P.
fn check_p2m(domain: &Domain) -> u64 {
    let arch = &domain.shared_info().arch;
    let max_pfn = arch.max_pfn.load(Ordering::Relaxed);
    let top = arch.pfn_to_mfn_frame_list_list.load(Ordering::Relaxed);
    if top == 0 || domain.hvm.is_some() {
        return 0;
    }
    let m2p = |mfn| frames::m2p(mfn).get();
    p2m::check(&Host, domain.id, Mfn::new(top), max_pfn, m2p, |wrong| {
        let (pfn, mfn, m2p) = (wrong.pfn, wrong.mfn.get(), wrong.m2p);
        log!("audit: pfn {pfn:#x} of {} is frame {mfn:#x}, which is pfn {m2p:#x}", domain.id);
    })
}

/// Counts the references that a vCPU holds.
fn count_vcpu(audit: &Audit<'_, Host>, vcpu: &Vcpu) {
    let roots = [vcpu.kernel_root.get(), vcpu.user_root.get()];
    for root in roots.into_iter().flatten() {
        audit.typed(root, PageType::Table(Level::L4));
    }
    if let Some(frame) = vcpu.info_frame.get() {
        audit.typed(frame, PageType::Writable);
    }
    let (gdt, ldt) = (vcpu.gdt.get(), vcpu.ldt.get());
    for frame in gdt.frames.into_iter().chain(ldt.frames).flatten() {
        audit.typed(frame, PageType::SegDesc);
    }
}

/// Whether the allocator knows how many frames are free.
fn check_free(audit: &Audit<'_, Host>) -> u64 {
    let (kept, found) = (frames::allocator().free_frames(), audit.free_frames());
    if kept == found {
        return 0;
    }
    log!("audit: {kept} frames are free by the allocator, {found} by the frame table");
    1
}

/// Whether the M2P names a pfn only for frames that belong to a domain.
fn check_m2p(audit: &Audit<'_, Host>) -> u64 {
    let mut differences: u64 = 0;
    for mfn in audit.ownerless() {
        let pfn = frames::m2p(mfn).get();
        if pfn != INVALID_M2P_ENTRY {
            log!("audit: frame {:#x} belongs to no domain and is pfn {pfn:#x}", mfn.get());
            differences = differences.saturating_add(1);
        }
    }
    differences
}
