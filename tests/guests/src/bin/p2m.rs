// SPDX-License-Identifier: MIT OR Apache-2.0
//! The p2m list, the m2p table and our page tables agree.
#![no_std]
#![no_main]

use test_guests::word;
use test_report::Report;
use xen_abi::mmu::M2P_VIRT_START;

test_report::guest!(run, only_pv = "a PVH guest knows no machine frames");

async fn run(report: &mut Report) {
    let mut wrong = 0u64;
    let pages = minios::start_info().nr_pages;
    for pfn in 0..pages {
        let mfn = word(minios::start_info().mfn_list.get() + pfn * 8);
        let back = word(M2P_VIRT_START + mfn * 8);
        wrong += u64::from(back != pfn);
    }
    report.expect("pages whose m2p entry is another pfn", wrong, 0);
}
