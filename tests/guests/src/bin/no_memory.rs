// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains that cannot be made for want of memory: whichever page is the one that there is no more,
//! all that was taken before is given back.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::{format, vec, vec::Vec};

use minios::hypercall::{domctl, sysctl};
use minios::{DomId, Mfn};
use test_guests::hypercall::{at_mut, call2};
use test_guests::{is_hv, new_domain};
use test_report::Report;
use xen_abi::domctl::{CDF_HVM, CreateDomain};
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::memory::{MemoryOp, MemoryReservation};

test_report::guest!(run);

/// Log2 of the pages that are given back one by one: more than any of these domains takes.
const ORDER: u32 = 9;

async fn run(report: &mut Report) {
    if !minios::is_initial_domain() {
        return report.skip("only a privileged domain may do this");
    }
    if !is_hv() {
        return report.skip("Xen has other memory of its own");
    }
    let shadow = CreateDomain { flags: CDF_HVM, ..new_domain::pvh() };
    let all = [("PV", new_domain::pv()), ("nested", new_domain::pvh()), ("shadow", shadow)];
    let kinds: Vec<_> = all.into_iter().filter(|(_, config)| create(*config).is_ok()).collect();
    let mut pages = Mfn::new(0);
    report.expect("as much as there is", domctl::max_mem(DomId::DOM0, u64::MAX), Ok(()));
    report.expect("a block", adjust(MemoryOp::IncreaseReservation, ORDER, Some(&mut pages)), 1);
    for order in (0..=ORDER).rev() {
        while adjust(MemoryOp::IncreaseReservation, order, None) == 1 {}
    }
    report.expect("free pages", free(), 0);
    let mut made = vec![0; kinds.len()];
    let mut lost = vec![0; kinds.len()];
    for offset in 0..1 << ORDER {
        let mut page = Mfn::new(pages.get() + offset);
        let given = adjust(MemoryOp::DecreaseReservation, 0, Some(&mut page));
        for (((_, config), made), lost) in kinds.iter().zip(&mut made).zip(&mut lost) {
            let before = free();
            *made += u32::from(create(*config).is_ok());
            *lost += u64::from(given != 1) + before.saturating_sub(free());
        }
    }
    for (((name, _), made), lost) in kinds.iter().zip(made).zip(lost) {
        report.check(&format!("{name}: some are made, some not"), (1..1 << ORDER).contains(&made));
        report.expect(&format!("{name}: pages lost"), lost, 0);
    }
}

/// Makes a domain, which is destroyed at once.
fn create(config: CreateDomain) -> Result<(), Errno> {
    domctl::destroy_domain(domctl::create_domain(DomId::DOM0, config)?)
}

/// Gets or gives back an extent of this domain, whose first frame is in `first` if that matters.
fn adjust(op: MemoryOp, order: u32, first: Option<&mut Mfn>) -> i64 {
    let mut list = MemoryReservation {
        extent_start: first.map_or(0, at_mut),
        nr_extents: 1,
        extent_order: order,
        domid: DomId::SELF,
        ..Default::default()
    };
    call2(Hypercall::MemoryOp, u64::from(op.raw()), at_mut(&mut list))
}

fn free() -> u64 {
    sysctl::physical_info().map_or(0, |info| info.free_pages)
}
