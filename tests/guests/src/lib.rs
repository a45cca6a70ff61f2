// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the test guests share. Each guest is a file in `bin/` and tests one behaviour.
#![no_std]

pub mod addresses;
pub mod apic;
pub mod attempt;
pub mod control;
pub mod descriptor_table;
pub mod fuzz;
pub mod hypercall;
pub mod interrupts;
pub mod iret;
pub mod msr;
pub mod new_domain;
pub mod old_code;
pub mod own_tables;
pub mod page_entry;
pub mod pci;
pub mod physmap;
pub mod protected_mode;
pub mod random;
pub mod second_vcpu;
pub mod traps;
pub mod upcalls;
pub mod user_mode;
pub mod wake_ups;

use test_report::Report;
use xen_abi::errno::Errno;

/// What a hypercall returns for an errno.
#[must_use]
pub const fn minus(errno: Errno) -> i64 {
    -(errno as i64)
}

/// What is expected of a PV guest, or of a PVH guest.
#[must_use]
pub fn pv_or_pvh<T>(pv: T, pvh: T) -> T {
    match minios::guest_type() {
        minios::GuestType::Pv => pv,
        minios::GuestType::Pvh => pvh,
    }
}

/// Keeps the processor for good.
pub fn spin() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Every class of bad pointer must give `EFAULT`.
pub fn refuses_bad_pointers(report: &mut Report, name: &str, call: impl Fn(u64) -> i64) {
    for (class, address) in addresses::BAD {
        let result = call(address);
        report.row(&alloc::format!("{name}, {class} pointer"), result);
        report.equal(name, result, minus(Errno::Efault));
    }
}

extern crate alloc;

/// A word of mapped memory: of the p2m list, of the m2p table for a frame that is ours, of the test's
/// own.
#[must_use]
pub fn word(address: u64) -> u64 {
    let at = core::ptr::with_exposed_provenance::<u64>(usize::try_from(address).unwrap_or(0));
    // SAFETY: the caller names a mapped word; a test that does not ends by a fault, in itself.
    unsafe { at.read_volatile() }
}

/// Writes a word of memory, which is the test's own.
pub fn poke(address: u64, value: u64) {
    let at = core::ptr::with_exposed_provenance_mut::<u64>(usize::try_from(address).unwrap_or(0));
    // SAFETY: as above.
    unsafe { at.write_volatile(value) }
}

/// Whether the hypervisor is ours and not the real Xen: for what differs on purpose, or where Xen
/// itself does not survive the question.
#[must_use]
pub fn is_hv() -> bool {
    minios::hypercall::version::extra_version().ends_with("-hv")
}

/// The number of this domain: 0 for the first, which has nobody to ask.
pub async fn own_domid() -> minios::DomId {
    if minios::is_initial_domain() {
        return minios::DomId::new(0);
    }
    let text = minios::xenstore::read("domid").await.unwrap_or_default();
    text.trim().parse().map_or(minios::DomId::SELF, minios::DomId::new)
}
