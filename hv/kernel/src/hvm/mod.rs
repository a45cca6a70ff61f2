// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains in hardware virtualization (PVH): the half that does not depend on the processor's
//! maker.
//!
//! Such a domain has page tables, interrupts and privilege levels of its own; the hypervisor shows
//! it memory by a second level of tables (`hv_core::hvm::p2m`). What a guest does that the
//! processor does not do for it makes it leave ([`exit`]), through a back end: today
//! [`crate::arch::svm`] for AMD-V.
//!
//! - [`exit`]: from the reason of an exit to what is done about it.
//! - [`hypercall`]: which hypercalls such a guest has.
//! - [`events`]: event channels as an interrupt.
//! - [`memory`]: the guest's memory by its own addresses; [`physmap`]: changing what is where.
//! - [`msr`]: registers that are emulated.
use core::sync::atomic::{AtomicU32, Ordering};

use hv_core::hvm::p2m::P2m;
use hv_core::hvm::params::Params;
use spin::Mutex;
use xen_abi::errno::Errno;

use crate::arch::svm as backend;
use crate::log;
use crate::memory::frames;
use crate::run_cell::RunCell;

pub mod events;
pub mod exit;
pub mod hypercall;
pub mod memory;
mod msr;
pub mod physmap;
pub mod state;

/// Second-level tables that a domain may have besides those for its memory.
const SPARE_TABLES: u64 = 64;

/// Number of tags for translations; 0 where there is no hardware virtualization.
static ASIDS: AtomicU32 = AtomicU32::new(0);

/// Turns hardware virtualization on, and says on the console what there is.
pub fn start() {
    match backend::start() {
        Ok(asids) => {
            ASIDS.store(asids, Ordering::Relaxed);
            log!("PVH domains by AMD-V with nested paging, {asids} ASIDs");
        }
        Err(why) => log!("PV domains only: {why}"),
    }
}

/// Whether there is hardware virtualization.
pub fn is_available() -> bool {
    ASIDS.load(Ordering::Relaxed) > 0
}

/// What a PVH domain has besides what every domain has.
pub struct Hvm {
    /// Its memory as the processor sees it; `None` when the domain has given it back.
    pub p2m: Mutex<Option<P2m>>,
    /// Its parameters.
    pub params: Mutex<Params>,
    /// The frame number at which destruction goes on.
    pub next_to_remove: Mutex<u64>,
}

impl Hvm {
    /// Nothing in memory yet.
    ///
    /// # Errors
    /// `EOPNOTSUPP` without hardware virtualization, `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        if !is_available() {
            return Err(Errno::Eopnotsupp);
        }
        let root = frames::alloc_zeroed(0).ok_or(Errno::Enomem)?;
        Ok(Self {
            p2m: Mutex::new(Some(P2m::new(backend::FORMAT, root, SPARE_TABLES))),
            params: Mutex::default(),
            next_to_remove: Mutex::new(0),
        })
    }
}

/// What a vCPU of a PVH domain has besides what every vCPU has. Zero bytes are one of a PV domain.
pub struct HvmVcpu {
    vmcb: RunCell<Option<&'static backend::Vmcb>>,
    /// It has its registers.
    pub is_ready: RunCell<bool>,
    /// The TLB clock when its translations were last forgotten.
    pub flushed_at: RunCell<u32>,
    /// What it reads as TSC is ahead of the host's by this.
    pub tsc_offset: RunCell<u64>,
}

impl HvmVcpu {
    /// Gives the vCPU its control block.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn init(&self) -> Result<(), Errno> {
        self.vmcb.set(Some(backend::make().ok_or(Errno::Enomem)?));
        Ok(())
    }

    /// Takes the control block away; the vCPU never runs again.
    pub fn finish(&self) {
        if let Some(vmcb) = self.vmcb.get() {
            self.vmcb.set(None);
            backend::free(vmcb);
        }
    }

    /// The control block.
    pub fn vmcb(&self) -> &'static backend::Vmcb {
        self.vmcb.get().expect("only vCPUs of PVH domains are asked for it")
    }
}

/// CR4 of a vCPU of a PVH domain.
pub fn cr4(vcpu: &crate::vcpu::Vcpu) -> u64 {
    backend::paging(vcpu.hvm.vmcb()).cr4
}
