// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shadow paging: a processor that walks one level of tables, beneath a guest that has its own.
//!
//! What is in the shadow, and when, is `hv_core::hvm::shadow`. Here are its memory, the registers
//! that the processor runs with, and the exits: page faults, `invlpg`, control registers.
use core::sync::atomic::{AtomicU64, Ordering};

use hv_core::hvm::control::beneath;
use hv_core::hvm::invlpg;
use hv_core::hvm::p2m::P2m;
use hv_core::hvm::paging::EFER_LMA;
use hv_core::hvm::shadow::{Access, Guest, Outcome, Shadow};
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use super::exit::Refused;
use super::instruction::{Fetched, advance, fetch};
use super::{Hvm, MemoryKind};
use crate::arch::cpu;
use crate::domain::Domain;
use crate::machine::Host;
use crate::memory::{direct_map, frames};
use crate::vcpu::Vcpu;

/// Frames of a domain's pool, as a power of 2: 1 MiB.
const POOL_ORDER: u32 = 8;
/// The same as their number.
const POOL_PAGES: u64 = 1 << POOL_ORDER;

/// The shadow of a domain with the frames it is in.
pub struct ShadowPool {
    shadow: Shadow,
    first: Mfn,
}

impl ShadowPool {
    /// An empty one.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        let first = frames::alloc_zeroed(POOL_ORDER).ok_or(Errno::Enomem)?;
        Ok(Self { shadow: Shadow::new(&Host, first, 1 << POOL_ORDER), first })
    }
}

impl Drop for ShadowPool {
    fn drop(&mut self) {
        frames::free(self.first, POOL_ORDER);
    }
}

/// Frames that a domain's shadow has.
pub fn pages(hvm: &Hvm) -> u64 {
    if hvm.shadow.lock().is_some() { POOL_PAGES } else { 0 }
}

/// Gives back the memory of a domain's shadow, if there is one; no vCPU of it runs any more.
pub fn release(domain: &Domain, hvm: &Hvm) {
    if hvm.shadow.lock().take().is_some() {
        domain.table_pages.fetch_sub(POOL_PAGES, Ordering::Relaxed);
    }
}

/// A frame has left the p2m, or is another there: the shadow no longer has it.
pub fn forget(hvm: &Hvm, frame: Mfn) {
    if let Some(pool) = hvm.shadow.lock().as_mut() {
        pool.shadow.forget(&Host, frame);
    }
}

/// The hypervisor has written to a frame of the domain, whose p2m is locked.
pub fn wrote(domain: &Domain, p2m: &P2m, frame: Mfn) {
    with_p2m(domain, p2m, |shadow, guest| shadow.wrote(guest, frame));
}

/// A copy has written to a frame of the domain.
#[inline(always)]
pub fn copied_to(domain: &Domain, frame: Mfn) {
    if hvm(domain).is_some() {
        changed(domain, frame);
    }
}

#[cold]
#[inline(never)]
fn changed(domain: &Domain, frame: Mfn) {
    with(domain, |shadow, guest| shadow.wrote(guest, frame));
}

/// What the domain has, if that is a shadow.
fn hvm(domain: &Domain) -> Option<&Hvm> {
    domain.hvm.as_ref().filter(|hvm| hvm.memory == MemoryKind::Shadow)
}

/// Calls `f` with the shadow, if the domain has one. What the shadow loses meanwhile, processors forget.
fn with<R>(domain: &Domain, f: impl FnOnce(&mut Shadow, &Guest<'_, Host>) -> R) -> Option<R> {
    let p2m = hvm(domain)?.p2m.lock();
    with_p2m(domain, p2m.as_ref()?, f)
}

/// The same with a p2m that is locked already.
fn with_p2m<R>(
    domain: &Domain,
    p2m: &P2m,
    f: impl FnOnce(&mut Shadow, &Guest<'_, Host>) -> R,
) -> Option<R> {
    let hvm = hvm(domain)?;
    let mut pool = hvm.shadow.lock();
    let shadow = &mut pool.as_mut()?.shadow;
    let losses = shadow.losses();
    let physical_bits = cpu::features().physical_bits.into();
    let result = f(shadow, &Guest { memory: &Host, p2m, physical_bits });
    if shadow.losses() != losses {
        hvm.forget_translations();
    }
    Some(result)
}

/// A page fault of the guest.
pub fn page_fault(vcpu: &Vcpu, address: u64, error: u32) -> Outcome {
    const ALIGNMENT_CHECK: u64 = 1 << 18;
    let block = vcpu.hvm.block();
    // What the processor does by itself while user mode runs is checked in any case.
    let may_touch_user = block.cpl() < 3 && vcpu.regs.rflags.get() & ALIGNMENT_CHECK != 0;
    let access = Access::of_error_code(error, may_touch_user);
    let paging = block.paging();
    with(vcpu.domain(), |shadow, guest| shadow.fault(guest, &paging, address, access))
        .unwrap_or(Outcome::PageFault(error))
}

/// Executes `invlpg`, whose address the processor may have said.
pub fn execute_invlpg(vcpu: &Vcpu, said: Option<u64>) -> Result<(), Refused> {
    let Fetched { bytes, size } = fetch(vcpu);
    let decoded = invlpg::decode(&bytes, size).ok_or(Refused)?;
    let block = vcpu.hvm.block();
    let address = said.unwrap_or_else(|| {
        let register = |number| vcpu.regs.general(number).get();
        decoded.address(vcpu.regs.rip.get(), register, |segment| block.segment(segment).base)
    });
    let paging = block.paging();
    with(vcpu.domain(), |shadow, guest| shadow.invalidate_page(guest, &paging, address));
    advance(vcpu, decoded.length);
    Ok(())
}

/// Control registers of the guest have changed: the processor runs with what belongs to them, and the
/// guest's tables count as they are now.
pub fn control_changed(vcpu: &Vcpu) {
    if vcpu.hvm.is_shadowed() {
        let block = vcpu.hvm.block();
        block.set_hardware(&beneath(&block.paging()));
        with(vcpu.domain(), Shadow::synchronize);
        vcpu.hvm.root_due.set(true);
    }
}

/// VT-x has no real mode without second-level tables, so there a guest has them meanwhile: the p2m is
/// one. What it then writes to its tables is not seen, and no shadow is left of them.
fn choose(vcpu: &Vcpu, hvm: &Hvm) {
    let block = vcpu.hvm.block();
    let can_be_shadowed = block.can_be_shadowed();
    if can_be_shadowed != vcpu.hvm.is_shadowed() {
        vcpu.hvm.is_shadowed.set(can_be_shadowed);
        if can_be_shadowed {
            block.virtualize_memory(MemoryKind::Shadow);
            control_changed(vcpu);
        } else if let Some(p2m) = hvm.p2m.lock().as_ref() {
            block.virtualize_memory(MemoryKind::Nested);
            block.set_paging_root(p2m.root());
            vcpu.hvm.forget_translations();
        }
    }
    if !can_be_shadowed {
        with(vcpu.domain(), |shadow, guest| shadow.clear(guest.memory));
    }
}

/// Before the guest is entered: gives the processor the root that belongs to the guest's.
pub fn prepare(vcpu: &Vcpu) {
    let Some(hvm) = hvm(vcpu.domain()) else { return };
    choose(vcpu, hvm);
    if !vcpu.hvm.is_shadowed() {
        return;
    }
    let block = vcpu.hvm.block();
    let paging = block.paging();
    let is_long = paging.efer & EFER_LMA != 0;
    with(vcpu.domain(), |shadow, guest| {
        let is_due = vcpu.hvm.root_due.get() || vcpu.hvm.generation.get() != shadow.generation();
        if !is_due && is_long {
            return;
        }
        let roots = shadow.roots(guest, &paging);
        let [first, ..] = roots;
        block.set_paging_root(if is_long {
            first.unwrap_or(POINTERS.frame())
        } else {
            POINTERS.set(roots)
        });
        vcpu.hvm.root_due.set(false);
        vcpu.hvm.generation.set(shadow.generation());
        if is_due {
            vcpu.hvm.forget_translations();
        }
    });
}

/// Checks the shadow of a domain, if there is one, and returns how many of its entries are wrong.
#[cfg(debug_assertions)]
pub fn audit(hvm: &Hvm) -> u64 {
    let p2m = hvm.p2m.lock();
    let mut pool = hvm.shadow.lock();
    let (Some(p2m), Some(pool)) = (p2m.as_ref(), pool.as_mut()) else { return 0 };
    let guest = Guest { memory: &Host, p2m, physical_bits: cpu::features().physical_bits.into() };
    let gfn_of = |mfn| xen_abi::frame::Gfn::new(frames::m2p(mfn).get());
    pool.shadow.audit(&guest, gfn_of, |wrong| crate::log!("audit: shadow: {wrong:x?}"))
}

/// The four pointers with which a processor begins outside of long mode, where it takes addresses
/// below 4 GiB alone, as those of the image are. They are the running vCPU's.
#[repr(C, align(4096))]
struct Pointers([AtomicU64; 4]);

static POINTERS: Pointers = Pointers([const { AtomicU64::new(0) }; 4]);

impl Pointers {
    /// Sets them.
    fn set(&self, tables: [Option<Mfn>; 4]) -> Mfn {
        const PRESENT: u64 = 1;
        for (pointer, table) in self.0.iter().zip(tables) {
            pointer
                .store(table.map_or(0, |table| table.maddr().get() | PRESENT), Ordering::Relaxed);
        }
        self.frame()
    }

    fn frame(&self) -> Mfn {
        direct_map::maddr(self).mfn()
    }
}
