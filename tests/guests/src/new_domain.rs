// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a first domain creates another one with, as little as is possible.
use xen_abi::domctl::{ArchDomainConfig, CDF_HAP, CDF_HVM, CreateDomain, EMU_LAPIC};

/// A PV domain.
#[must_use]
pub fn pv() -> CreateDomain {
    CreateDomain {
        max_vcpus: 1,
        max_evtchn_port: 1023,
        max_grant_frames: 4,
        max_maptrack_frames: 4,
        grant_opts: 1,
        ..Default::default()
    }
}

/// A PVH domain with nested paging.
#[must_use]
pub fn pvh() -> CreateDomain {
    let arch = ArchDomainConfig { emulation_flags: EMU_LAPIC, misc_flags: 0 };
    CreateDomain { flags: CDF_HVM | CDF_HAP, arch, ..pv() }
}
