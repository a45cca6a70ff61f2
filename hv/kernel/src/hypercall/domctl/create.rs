// SPDX-License-Identifier: MIT OR Apache-2.0
//! New domains.
use core::sync::atomic::{AtomicU16, Ordering};

use hv_core::grant_table::{maptrack, table as grant_table};
use xen_abi::domain::DomId;
use xen_abi::domctl::{
    CDF_HAP, CDF_HVM, CDF_IOMMU, CDF_OOS_OFF, CDF_XS_DOMAIN, CreateDomain, EMU_LAPIC,
};
use xen_abi::errno::Errno;

use super::Request;
use crate::current::Current;
use crate::domain::{self, Domain, Kind, Limits, MAX_VCPUS};
use crate::hvm::MemoryKind;
use crate::time;

/// The number given out last.
static LAST: AtomicU16 = AtomicU16::new(0);

/// Creates a domain: paused, without memory. `EINVAL` for what hv does not offer or beyond its
/// limits, `EEXIST` if the number asked for is taken, `ENOMEM`.
pub(super) fn create(mut request: Request) -> Result<(), Errno> {
    let config: CreateDomain = request.payload()?;
    let kind = kind(&config)?;
    let limits = limits(&config, kind)?;
    let wanted = request.call.header.domain;
    let id = if wanted == DomId::DOM0 || !wanted.is_ordinary() {
        unused_number().ok_or(Errno::Enomem)?
    } else if is_taken(wanted) {
        return Err(Errno::Eexist);
    } else {
        wanted
    };
    let domain = Domain::create(id, kind, false, config.handle, limits)?;
    time::update_wall_clock(&domain);
    domain::insert(domain)?;
    request.call.header.domain = id;
    let written = request.argument.write(&request.call);
    written.inspect_err(|_| {
        domain::remove(id);
    })
}

/// Checks what is asked for.
fn limits(config: &CreateDomain, kind: Kind) -> Result<Limits, Errno> {
    // Without an IOMMU in use nobody can have one.
    let possible = config.flags & CDF_IOMMU == 0;
    let most_vcpus = if kind == Kind::Pv { 1 } else { MAX_VCPUS };
    let vcpus = usize::try_from(config.max_vcpus).unwrap_or(usize::MAX);
    if !possible || !(1..=most_vcpus).contains(&vcpus) {
        return Err(Errno::Einval);
    }
    Ok(Limits {
        vcpus: config.max_vcpus,
        max_port: config.max_evtchn_port,
        grant_frames: limit(config.max_grant_frames, 1, grant_table::MAX_FRAMES)?,
        maptrack_pages: limit(config.max_maptrack_frames, 0, maptrack::MAX_PAGES)?,
    })
}

/// PV, or PVH: in hardware virtualization, with second-level tables or a shadow of the guest's, and no
/// devices but a local APIC.
fn kind(config: &CreateDomain) -> Result<Kind, Errno> {
    const ANY: u32 = CDF_XS_DOMAIN | CDF_IOMMU;
    const NESTED: u32 = CDF_HVM | CDF_HAP;
    let flags = config.flags & !ANY;
    let devices = config.arch.emulation_flags;
    match flags & !CDF_OOS_OFF {
        0 if flags == 0 && devices == 0 => Ok(Kind::Pv),
        NESTED if devices & !EMU_LAPIC == 0 => Ok(Kind::Pvh(MemoryKind::Nested)),
        CDF_HVM if devices & !EMU_LAPIC == 0 => Ok(Kind::Pvh(MemoryKind::Shadow)),
        _ => Err(Errno::Einval),
    }
}

/// A limit of frames; negative is the default, which is the most there is. What is beyond that is
/// reduced to it.
fn limit(wanted: i32, least: usize, most: usize) -> Result<usize, Errno> {
    match usize::try_from(wanted) {
        Ok(wanted) if wanted < least => Err(Errno::Einval),
        Ok(wanted) => Ok(wanted.min(most)),
        Err(_) => Ok(most),
    }
}

fn is_taken(id: DomId) -> bool {
    domain::find(id).is_some()
}

/// The next number after the one given out last, so that none is used again soon.
fn unused_number() -> Option<DomId> {
    let last = LAST.load(Ordering::Relaxed);
    let above = last.saturating_add(1)..DomId::FIRST_RESERVED.get();
    let number = above.chain(1..=last).find(|&number| !is_taken(DomId::new(number)))?;
    LAST.store(number, Ordering::Relaxed);
    Some(DomId::new(number))
}

/// `EINVAL` unless this is the number of vCPUs the domain was created with.
pub(super) fn set_vcpus(current: &Current, domain: &Domain, max: u32) -> Result<(), Errno> {
    let same = usize::try_from(max).is_ok_and(|max| max == domain.vcpus().count());
    if domain.id == current.domain().id || !same {
        return Err(Errno::Einval);
    }
    Ok(())
}
