// SPDX-License-Identifier: MIT OR Apache-2.0
//! `xen_version`: every sub-operation, buffers filled with zeroes behind the text (XSA-122), bad
//! pointers and an unknown number.
#![no_std]
#![no_main]

use test_guests::hypercall::{at_mut, call2};
use test_guests::{minus, pv_or_pvh, refuses_bad_pointers};
use test_report::Report;
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::version::{FeatureInfo, Features, XenVersionOp};

test_report::guest!(run);

fn version(op: XenVersionOp, address: u64) -> i64 {
    call2(Hypercall::XenVersion, u64::from(op.raw()), address)
}

async fn run(report: &mut Report) {
    report.expect("major version", version(XenVersionOp::Version, 0) >> 16, 4);
    report.expect("page size", version(XenVersionOp::Pagesize, 0), 4096);
    let mut buffer = [0xaau8; 1024];
    for (op, len) in [
        (XenVersionOp::Extraversion, 16),
        (XenVersionOp::Capabilities, 1024),
        (XenVersionOp::Changeset, 64),
        (XenVersionOp::Commandline, 1024),
    ] {
        text(report, op, &mut buffer[..len]);
        let name = alloc::format!("{op:?}");
        refuses_bad_pointers(report, &name, |address| version(op, address));
    }
    text_of_capabilities(report, &mut buffer);
    features(report);
    let mut start = 0u64;
    let address = at_mut(&mut start);
    report.expect("platform_parameters", version(XenVersionOp::PlatformParameters, address), 0);
    report.expect("virt_start", start, 0xffff_8000_0000_0000);
    let mut handle = [0xaau8; 16];
    let address = at_mut(&mut handle);
    report.expect("guest_handle", version(XenVersionOp::GuestHandle, address), 0);
    let unknown = call2(Hypercall::XenVersion, 77, 0);
    report.expect("unknown operation", unknown, minus(Errno::Enosys));
}

/// What the buffer has before the call.
const UNTOUCHED: u8 = 0xaa;

/// The text ends with a NUL. What follows is NULs or untouched, as with the command line, which Xen
/// does not tell to all.
fn text(report: &mut Report, op: XenVersionOp, buffer: &mut [u8]) {
    buffer.fill(UNTOUCHED);
    let name = alloc::format!("{op:?}");
    report.expect(&name, version(op, at_mut(buffer)), 0);
    let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(buffer.len());
    report.check(&name, end < buffer.len() && only_padding(&buffer[end..]));
}

fn only_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(*byte, 0 | UNTOUCHED))
}

fn text_of_capabilities(report: &mut Report, buffer: &mut [u8; 1024]) {
    version(XenVersionOp::Capabilities, at_mut(buffer));
    let text = core::str::from_utf8(buffer).unwrap_or_default();
    report.check("capabilities name xen-3.0-x86_64", text.contains("xen-3.0-x86_64"));
}

fn features(report: &mut Report) {
    let mut info = FeatureInfo { submap_idx: 0, submap: 0 };
    let address = at_mut(&mut info);
    report.expect("get_features", version(XenVersionOp::GetFeatures, address), 0);
    let found = Features::from_bits_retain(info.submap);
    let basic = found.intersection(Features::from_bits_retain(0xf));
    let pvh = Features::WRITABLE_PAGE_TABLES | Features::AUTO_TRANSLATED_PHYSMAP;
    let want = pv_or_pvh(Features::empty(), pvh);
    report.check("features of other machines are absent", basic == want);
    info.submap_idx = 1;
    let address = at_mut(&mut info);
    let second = version(XenVersionOp::GetFeatures, address);
    report.expect("features, second word", second, minus(Errno::Einval));
}

extern crate alloc;
