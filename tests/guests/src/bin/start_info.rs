// SPDX-License-Identifier: MIT OR Apache-2.0
//! start_info and shared_info say what they must.
#![no_std]
#![no_main]

use test_report::Report;
use xen_abi::start_info::SIF_PRIVILEGED;

test_report::guest!(run, only_pv = "a PVH guest finds another structure");

async fn run(report: &mut Report) {
    let info = minios::start_info();
    report.check("magic", info.has_magic());
    report.check("shared_info is a page's address", info.shared_info.offset() == 0);
    let pages = info.nr_pages;
    report.check("at least 4 MiB", pages >= 1024);
    report.check("page tables are page aligned", info.pt_base.offset() == 0);
    report.check("the p2m list is page aligned", info.mfn_list.offset() == 0);
    let p2m_end = info.mfn_list.get() + pages * 8;
    report.check("the p2m list lies before start_info", p2m_end <= info.pt_base.get());
    report.check("a few page table frames", (4..64).contains(&info.nr_pt_frames));
    let initial = minios::is_initial_domain();
    let privileged = info.flags & SIF_PRIVILEGED != 0;
    report.equal("privileged iff first", privileged, initial);
    if !initial {
        report.check("a xenstore port", info.store_evtchn.get() != 0);
        report.check("a console port", info.console_evtchn().get() != 0);
        report.check("a xenstore frame", info.store_mfn.get() != 0);
    }
    report.check("the command line is text", info.cmd_line().is_ascii());
}
