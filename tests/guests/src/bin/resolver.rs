// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of names, asked of the domain `name_server`, whose answers come after forged ones.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use core::net::{IpAddr, Ipv4Addr};
use minios::net::Error;
use minios::time::{Duration, with_timeout};
use test_report::Report;

test_report::guest!(run);

const PATIENCE: Duration = Duration::from_secs(10);

async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("there is no network");
    }
    let stack = match minios::net::start().await {
        Ok(stack) => stack,
        Err(error) => return report.error("the network", error),
    };
    let address = |a, b, c, d| Ok(Ok(vec![IpAddr::V4(Ipv4Addr::new(a, b, c, d))]));
    for (name, want) in [
        ("known.example", address(192, 0, 2, 7)),
        ("unknown.example", Ok(Err(Error::Unresolved))),
        ("10.1.2.3", address(10, 1, 2, 3)),
        ("no name at all", Ok(Err(Error::Unresolved))),
    ] {
        report.expect(name, with_timeout(PATIENCE, stack.resolve(name)).await, want);
    }
}
