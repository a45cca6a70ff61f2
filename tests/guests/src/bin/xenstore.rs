// SPDX-License-Identifier: MIT OR Apache-2.0
//! xenstore: a domain reads and writes what is its own, by transactions and watches too.
#![no_std]
#![no_main]

use minios::xenstore;
use test_report::Report;

test_report::guest!(run);

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("the first domain has no xenstore ring");
    }
    let Ok(domid) = xenstore::read("domid").await else {
        return report.error("domid", "cannot be read");
    };
    report.check("domid is a number", domid.parse::<u16>().is_ok());
    report.check("its name", xenstore::read("name").await.is_ok());
    report.check("write", xenstore::write("data/test", "one").await.is_ok());
    let read = xenstore::read("data/test").await;
    report.equal("read", read.as_deref(), Ok("one"));
    let list = xenstore::directory("data").await.unwrap_or_default();
    report.check("directory", list.iter().any(|name| name == "test"));
    report.check("remove", xenstore::remove("data/test").await.is_ok());
    report.check("a removed node is gone", xenstore::read("data/test").await.is_err());
    others_are_closed(report).await;
}

async fn others_are_closed(report: &mut Report) {
    let first = "/local/domain/0/name";
    report.check("dom0's nodes cannot be written", xenstore::write(first, "x").await.is_err());
    report.check("the root cannot be written", xenstore::write("/evil", "x").await.is_err());
    let long = alloc::string::String::from_utf8(alloc::vec![b'a'; 4000]).unwrap_or_default();
    report.check("a long path is refused", xenstore::read(&long).await.is_err());
    report.check("an ill path is refused", xenstore::read("a//b").await.is_err());
}

extern crate alloc;
