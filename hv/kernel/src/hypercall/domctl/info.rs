// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of a domain and its vCPUs.
use xen_abi::domain::DomId;
use xen_abi::domctl::{
    DOMINF_BLOCKED, DOMINF_DYING, DOMINF_HAP, DOMINF_HVM_GUEST, DOMINF_PAUSED, DOMINF_RUNNING,
    DOMINF_SHUTDOWN, DOMINF_SHUTDOWN_SHIFT, DomainInfo, VcpuStateInfo,
};
use xen_abi::errno::Errno;
use xen_abi::vcpu::Runstate;

use super::Request;
use crate::domain::{self, Domain};
use crate::hvm::MemoryKind;
use crate::time;

/// Of the domain with this number, or the next higher one. `ESRCH` if there is none.
pub(super) fn get(mut request: Request) -> Result<(), Errno> {
    let domain = domain::find_from(request.call.header.domain).ok_or(Errno::Esrch)?;
    request.call.header.domain = domain.id;
    request.answer(&domain_info(&domain))
}

/// What a domain is like now.
pub fn domain_info(domain: &Domain) -> DomainInfo {
    let now_ns = time::now_ns();
    let vcpus = || domain.vcpus().map(|vcpu| vcpu.account.get());
    let cpu_time = vcpus().map(|account| account.clock().time_ns(Runstate::Running, now_ns));
    let online = vcpus().filter(|account| account.is_up()).count();
    let pages = domain.pages.lock();
    DomainInfo {
        domain: domain.id,
        flags: flags(domain),
        tot_pages: pages.list.len(),
        max_pages: pages.max,
        shared_info_frame: domain.shared_info_frame.get(),
        cpu_time: cpu_time.fold(0, u64::saturating_add),
        nr_online_vcpus: u32::try_from(online).unwrap_or(u32::MAX),
        max_vcpu_id: domain.vcpus().last().map_or(u32::MAX, |vcpu| vcpu.id),
        handle: *domain.handle.lock(),
        gpaddr_bits: GUEST_ADDRESS_BITS,
        ..DomainInfo::default()
    }
}

/// Bits of a machine address as far as PV guests are concerned.
const GUEST_ADDRESS_BITS: u8 = 52;

fn flags(domain: &Domain) -> u32 {
    let life = *domain.life.lock();
    let mut flags = match domain.hvm.as_ref().map(|hvm| hvm.memory) {
        None => 0,
        Some(MemoryKind::Nested) => DOMINF_HVM_GUEST | DOMINF_HAP,
        Some(MemoryKind::Shadow) => DOMINF_HVM_GUEST,
    };
    if life.is_dead() {
        flags |= DOMINF_DYING;
    }
    match life.shutdown_code() {
        Some(code) => flags |= DOMINF_SHUTDOWN | u32::from(code) << DOMINF_SHUTDOWN_SHIFT,
        // There is no reason yet; as on Xen that is written with all bits.
        None => flags |= u32::MAX << DOMINF_SHUTDOWN_SHIFT,
    }
    if life.is_paused() {
        flags |= DOMINF_PAUSED;
    }
    let states = || domain.vcpus().map(|vcpu| vcpu.account.get());
    if states().any(|account| account.clock().state() == Runstate::Running) {
        flags |= DOMINF_RUNNING;
    }
    if states().all(|account| account.is_blocked()) {
        flags |= DOMINF_BLOCKED;
    }
    flags
}

/// What a vCPU does. `ESRCH` if there is none with this number, as on Xen.
pub(super) fn get_vcpu(domain: &Domain, request: Request) -> Result<(), Errno> {
    let VcpuStateInfo { vcpu: id, .. } = request.payload()?;
    let vcpu = domain.vcpu(id).ok_or(Errno::Esrch)?;
    let account = vcpu.account.get();
    let clock = account.clock();
    request.answer(&VcpuStateInfo {
        vcpu: id,
        online: u8::from(account.is_up()),
        blocked: u8::from(account.is_blocked()),
        running: u8::from(clock.state() == Runstate::Running),
        cpu_time: clock.time_ns(Runstate::Running, time::now_ns()),
        cpu: 0,
        ..VcpuStateInfo::default()
    })
}

/// The domains from `first` on, in the order of their numbers.
pub fn domains_from(first: DomId) -> impl Iterator<Item = domain::DomainRef> {
    let mut next = Some(first);
    core::iter::from_fn(move || {
        let found = domain::find_from(next?)?;
        next = found.id.get().checked_add(1).map(DomId::new);
        Some(found)
    })
}
