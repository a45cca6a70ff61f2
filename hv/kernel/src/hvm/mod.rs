// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains in hardware virtualization (PVH): the half that does not depend on the processor's
//! maker.
//!
//! Such a domain has page tables, interrupts and privilege levels of its own; the hypervisor shows
//! it memory by a second level of tables (`hv_core::hvm::p2m`). What a guest does that the
//! processor does not do for it makes it leave, through a back end ([`control_block`]):
//! [`crate::arch::svm`] for AMD-V, [`crate::arch::vmx`] for VT-x.
//!
//! - [`control_block`]: what a back end gives; [`exit_reason`]: what it says.
//! - [`exit`]: from the reason of an exit to what is done about it; [`instruction`]: the one that
//!   caused it; [`register`], [`status_word`], [`msr`], [`port`], [`string_port`]: executing it;
//!   [`segment`]: the memory that it means.
//! - [`hypercall`]: which hypercalls such a guest has.
//! - [`events`]: event channels as an interrupt.
//! - [`memory`]: the guest's memory by its own addresses; [`physmap`]: changing what is where;
//!   [`shadow`]: both in tables for a processor that walks one level of them.
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use hv_core::hvm::local_apic::LocalApic;
use hv_core::hvm::msr::PAT_AT_RESET;
use hv_core::hvm::mtrr::Mtrr;
use hv_core::hvm::p2m::P2m;
use hv_core::hvm::params::Params;
use hv_core::hvm::tag::{Tag, Tags};
use hv_core::hvm::trail::Trail;
use spin::{Mutex, Once};
use xen_abi::errno::Errno;
use xen_abi::frame::PAGE_SHIFT;

use crate::arch::debug::{DR6_NONE, DR7_NONE};
use crate::arch::{svm, vmx};
use crate::current::pcpu;
use crate::log;
use crate::memory::frames;
use crate::run_cell::RunCell;
use crate::vcpu::Vcpu;

pub mod control_block;
mod control_register;
pub mod events;
pub mod exit;
pub mod exit_reason;
pub mod hypercall;
pub mod instruction;
pub mod interrupt;
pub mod local_apic;
pub mod memory;
mod msr;
pub mod physmap;
mod port;
mod register;
mod segment;
pub mod shadow;
pub mod startup;
pub mod state;
mod status_word;
mod string_port;

use control_block::{Backend, ControlBlock, EntryWords, Translations};
use shadow::ShadowPool;

/// Second-level tables that a domain may have besides those for its memory.
const SPARE_TABLES: u64 = 64;

/// Walks of a guest's tables that are remembered: code, stack, and two more pages.
const TRAILS: usize = 4;

/// What runs PVH guests, where there is hardware virtualization.
static BACKEND: Once<Backend> = Once::new();

/// Its assembly, where `entry.S` goes with a vCPU of a PVH domain.
pub static ENTER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Turns hardware virtualization on, and says on the console what there is.
pub fn start() {
    match svm::start().or_else(|no_svm| vmx::start().map_err(|no_vmx| [no_svm, no_vmx])) {
        Ok(backend) => {
            let paging = if backend.has_nested_paging { "nested and shadow" } else { "shadow" };
            log!("PVH domains by {} with {paging} paging, {} tags", backend.name, backend.tags);
            ENTER.store(backend.enter as *mut (), Ordering::Relaxed);
            pcpu().tags.set(Tags::new(backend.tags));
            BACKEND.call_once(|| backend);
        }
        Err([no_svm, no_vmx]) => log!("PV domains only: {no_svm}, {no_vmx}"),
    }
}

/// The back end, where there is hardware virtualization.
fn backend() -> Option<&'static Backend> {
    BACKEND.get()
}

/// Whether there is hardware virtualization.
pub fn is_available() -> bool {
    backend().is_some()
}

/// Whether the processor walks second-level tables.
pub fn has_nested_paging() -> bool {
    backend().is_some_and(|backend| backend.has_nested_paging)
}

/// How the memory of a PVH domain is virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// By second-level tables, which the processor walks.
    Nested,
    /// By a shadow of the guest's tables.
    Shadow,
}

/// The last step before a guest is entered, called by the back end's assembly.
pub extern "C" fn prepare(vcpu: &Vcpu) -> EntryWords {
    interrupt::offer(vcpu);
    shadow::prepare(vcpu);
    let translations = vcpu.hvm.translations(vcpu.domain().hvm.as_ref());
    vcpu.hvm.block().prepare(vcpu, translations)
}

/// What a PVH domain has besides what every domain has.
pub struct Hvm {
    /// Its memory as the processor sees it; `None` when the domain has given it back.
    pub p2m: Mutex<Option<P2m>>,
    /// The shadow of its page tables, if that is how its memory is virtualized and it still has it.
    pub shadow: Mutex<Option<ShadowPool>>,
    /// How that is.
    pub memory: MemoryKind,
    /// Its parameters.
    pub params: Mutex<Params>,
    /// The frame number at which destruction goes on.
    pub next_to_remove: Mutex<u64>,
    /// How often the second-level tables lost something that a processor may have cached.
    losses: AtomicU32,
}

impl Hvm {
    /// Nothing in memory yet.
    ///
    /// # Errors
    /// `EOPNOTSUPP` without hardware virtualization, or of this kind; `ENOMEM`.
    pub fn new(memory: MemoryKind) -> Result<Self, Errno> {
        let backend = backend().ok_or(Errno::Eopnotsupp)?;
        let shadow = match memory {
            MemoryKind::Nested if !backend.has_nested_paging => return Err(Errno::Eopnotsupp),
            MemoryKind::Nested => None,
            MemoryKind::Shadow => Some(ShadowPool::new()?),
        };
        let root = frames::alloc_zeroed(0).ok_or(Errno::Enomem)?;
        Ok(Self {
            shadow: Mutex::new(shadow),
            memory,
            p2m: Mutex::new(Some(P2m::new(backend.format, root, SPARE_TABLES))),
            params: Mutex::default(),
            next_to_remove: Mutex::new(0),
            losses: AtomicU32::new(0),
        })
    }

    /// How often the second-level tables have lost something.
    fn losses(&self) -> u32 {
        self.losses.load(Ordering::Acquire)
    }

    /// No vCPU of the domain goes on with translations of before. The caller has changed the tables,
    /// and lets go of what they lost afterwards.
    pub fn forget_translations(&self) {
        self.losses.fetch_add(1, Ordering::Release);
    }
}

/// Tables that are still there go too: those of a domain that could not be made, or was never begun.
impl Drop for Hvm {
    fn drop(&mut self) {
        self.p2m.get_mut().take().into_iter().for_each(physmap::free);
    }
}

/// What a vCPU of a PVH domain has besides what every vCPU has. Zero bytes are one of a PV domain.
pub struct HvmVcpu {
    block: RunCell<Option<&'static dyn ControlBlock>>,
    /// It has its registers.
    pub is_ready: RunCell<bool>,
    /// It runs with its domain's shadow, as it does but for states that the processor cannot have
    /// without second-level tables.
    is_shadowed: RunCell<bool>,
    /// Its root in the shadow is another one now.
    root_due: RunCell<bool>,
    /// The generation of the shadow's roots when it was last entered.
    generation: RunCell<u32>,
    /// The tag of its translations.
    tag: RunCell<Tag>,
    /// Its translations are no longer good.
    forget: RunCell<bool>,
    /// The domain's losses when it was last entered.
    losses: RunCell<u32>,
    /// Its memory type range registers.
    pub mtrr: RunCell<Mtrr>,
    /// Its interrupt controller.
    pub local_apic: Mutex<LocalApic>,
    /// The vector of its events in the local APIC; 0 is none.
    pub upcall_vector: RunCell<u8>,
    /// The interrupt of the local APIC that the processor was last offered; 0 is none.
    pub offered: RunCell<u8>,
    /// What it reads as TSC is ahead of the host's by this.
    pub tsc_offset: RunCell<u64>,
    /// Walks of its tables that were made, by the lowest bits of the page's number.
    trails: [Mutex<Trail>; TRAILS],
}

impl HvmVcpu {
    /// Gives the vCPU, which has the number `vcpu`, its control block.
    ///
    /// # Errors
    /// `EOPNOTSUPP` without hardware virtualization, `ENOMEM`.
    pub fn init(&self, vcpu: u32, memory: MemoryKind) -> Result<(), Errno> {
        let backend = backend().ok_or(Errno::Eopnotsupp)?;
        let block = (backend.make)().ok_or(Errno::Enomem)?;
        block.set_pat(PAT_AT_RESET);
        block.set_debug([DR6_NONE, DR7_NONE]);
        block.virtualize_memory(memory);
        self.is_shadowed.set(memory == MemoryKind::Shadow);
        self.block.set(Some(block));
        *self.local_apic.lock() = LocalApic::new(vcpu);
        self.trails.iter().for_each(|trail| *trail.lock() = Trail::NONE);
        Ok(())
    }

    /// Whether it runs with its domain's shadow.
    pub fn is_shadowed(&self) -> bool {
        self.is_shadowed.get()
    }

    /// The vCPU does not go on with translations of before.
    pub fn forget_translations(&self) {
        self.forget.set(true);
    }

    /// What becomes of translations when the vCPU is entered now.
    fn translations(&self, domain: Option<&Hvm>) -> Translations {
        let losses = domain.map_or(0, Hvm::losses);
        let root_changed = losses != self.losses.get();
        let mut tags = pcpu().tags.get();
        let (tag, forget_all) = tags.enter(self.tag.get(), root_changed || self.forget.get());
        pcpu().tags.set(tags);
        self.tag.set(tag);
        self.forget.set(false);
        self.losses.set(losses);
        Translations { tag: tag.number(), forget_all, root_changed }
    }

    /// Takes the control block away; the vCPU never runs again.
    pub fn finish(&self) {
        if let Some(block) = self.block.get() {
            self.block.set(None);
            block.free();
        }
    }

    /// Where a walk to the page of `address` is remembered.
    fn trail(&self, address: u64) -> &Mutex<Trail> {
        let [low, ..] = (address >> PAGE_SHIFT).to_le_bytes();
        &self.trails[usize::from(low) % TRAILS]
    }

    /// The control block.
    pub fn block(&self) -> &'static dyn ControlBlock {
        self.block.get().expect("only vCPUs of PVH domains are asked for it")
    }
}

/// CR4 of a vCPU of a PVH domain.
pub fn cr4(vcpu: &Vcpu) -> u64 {
    vcpu.hvm.block().paging().cr4
}
