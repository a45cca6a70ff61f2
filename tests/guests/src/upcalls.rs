// SPDX-License-Identifier: MIT OR Apache-2.0
//! An event callback of the tests' own, in place of minios's, and a view of the shared info page.
use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::hypercall::{at, call, call2};
use minios::memory::SharedPages;
use xen_abi::frame::PAGE_SIZE;
use xen_abi::hypercall::Hypercall;
use xen_abi::mmu::{Pte, PteFlags, UVMF_INVLPG};
use xen_abi::shared_info::{SharedInfo, VcpuInfo};
use xen_abi::trap::{CALLBACKF_MASK_EVENTS, CallbackOp, CallbackRegister, CallbackType};

global_asm!(
    include_str!("upcalls.S"),
    count = sym COUNT,
    mask_inside = sym MASK_INSIDE,
    mask_before = sym MASK_BEFORE,
    vcpu_info = sym VCPU_INFO,
);

unsafe extern "C" {
    fn guest_upcall_iretq();
    fn guest_upcall_hypercall();
    fn minios_event_callback();
}

static COUNT: AtomicU64 = AtomicU64::new(0);
static MASK_INSIDE: AtomicU64 = AtomicU64::new(0);
static MASK_BEFORE: AtomicU64 = AtomicU64::new(0);
static VCPU_INFO: AtomicU64 = AtomicU64::new(0);

/// How the callback returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// By `iretq`: the mask stays closed.
    Iretq,
    /// By the iret hypercall: the mask is as before.
    Hypercall,
}

/// Our event callback is registered while this lives.
pub struct Callback {
    shared_info: &'static SharedInfo,
}

impl Callback {
    /// Maps the shared info page once more and registers the callback; `None` if that fails.
    #[must_use]
    pub fn register(how: Return) -> Option<Self> {
        let shared_info = map_shared_info()?;
        VCPU_INFO.store(at(&shared_info.vcpu_info[0]), Ordering::Relaxed);
        COUNT.store(0, Ordering::Relaxed);
        let handler: unsafe extern "C" fn() = match how {
            Return::Iretq => guest_upcall_iretq,
            Return::Hypercall => guest_upcall_hypercall,
        };
        (set_callback(handler) == 0).then_some(Self { shared_info })
    }

    /// The page that hypervisor and domain share.
    #[must_use]
    pub fn shared_info(&self) -> &SharedInfo {
        self.shared_info
    }

    /// The part of it that belongs to the only vCPU.
    #[must_use]
    pub fn vcpu(&self) -> &VcpuInfo {
        &self.shared_info.vcpu_info[0]
    }

    /// How often the callback ran since it was registered.
    #[must_use]
    pub fn count(&self) -> u64 {
        COUNT.load(Ordering::Relaxed)
    }

    /// The upcall mask inside the callback, and before it as the frame says.
    #[must_use]
    pub fn masks(&self) -> (u64, u64) {
        (MASK_INSIDE.load(Ordering::Relaxed), MASK_BEFORE.load(Ordering::Relaxed))
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.vcpu().evtchn_upcall_mask.store(1, Ordering::SeqCst);
        set_callback(minios_event_callback);
        // What came meanwhile is for minios: let it look at all its ports.
        self.vcpu().evtchn_pending_sel.store(u64::MAX, Ordering::SeqCst);
        self.vcpu().evtchn_upcall_pending.store(1, Ordering::SeqCst);
    }
}

fn set_callback(handler: unsafe extern "C" fn()) -> i64 {
    let arg = CallbackRegister {
        kind: CallbackType::Event.raw(),
        flags: CALLBACKF_MASK_EVENTS,
        address: handler as *const () as u64,
        ..Default::default()
    };
    call2(Hypercall::CallbackOp, u64::from(CallbackOp::Register.raw()), at(&arg))
}

/// Puts the shared info page in the place of a page of ours, for good.
fn map_shared_info() -> Option<&'static SharedInfo> {
    let window = SharedPages::alloc(1).ok()?;
    let address = window.address();
    core::mem::forget(window);
    let flags = PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER;
    let entry = Pte::new(minios::start_info().shared_info.mfn(), flags);
    let args = [address as u64, entry.raw(), UVMF_INVLPG, 0, 0];
    if call(Hypercall::UpdateVaMapping, args) != 0 {
        return None;
    }
    const { assert!(size_of::<SharedInfo>() <= PAGE_SIZE) };
    // SAFETY: the page is mapped for good and every field is an atomic.
    Some(unsafe { &*core::ptr::with_exposed_provenance::<SharedInfo>(address) })
}
