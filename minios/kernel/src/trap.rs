// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions. They are crashes, unless a handler was registered for the vector.
use core::sync::atomic::{AtomicPtr, Ordering};

use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{FLAT_KERNEL_CS, TrapFlags, TrapInfo};

pub use crate::arch::trap_frame::TrapFrame;

use crate::arch::hypercall::hypercall;
use crate::crash;

/// Vectors that the processor itself may raise.
pub const VECTORS: usize = 32;
/// Bytes of one stub in arch/trap.S.
const STUB_BYTES: usize = 16;

/// Returns whether it handled the trap; then the code goes on with the registers in the frame.
pub type Handler = fn(&mut TrapFrame) -> bool;

static HANDLERS: [AtomicPtr<()>; VECTORS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; VECTORS];

unsafe extern "C" {
    /// arch/trap.S.
    #[link_name = "minios_trap_stubs"]
    static STUBS: [[u8; STUB_BYTES]; VECTORS];
    fn minios_event_callback();
    fn minios_failsafe_callback();
}

/// Handles exceptions of `vector` (below [`VECTORS`]) from now on; the last one registered counts.
///
/// ```no_run
/// use minios::trap::{self, TrapFrame};
/// fn breakpoint(frame: &mut TrapFrame) -> bool {
///     log::info!("breakpoint before {:#x}", frame.rip);
///     true
/// }
/// trap::set_handler(3, breakpoint);
/// ```
pub fn set_handler(vector: u8, handler: Handler) {
    HANDLERS[usize::from(vector)].store(handler as *mut (), Ordering::Relaxed);
}

/// Registers our entries with the hypervisor.
pub(crate) fn init() {
    let mut table = [TrapInfo::default(); VECTORS + 1];
    // Vector 2 has its own callback, 15 and those from 22 on never come.
    for (vector, entry) in (0u8..).zip(&mut table[..VECTORS]) {
        *entry = TrapInfo {
            vector,
            // int3 and into may be executed; no vector masks events: they are masked anyway.
            flags: TrapFlags::DPL3,
            cs: FLAT_KERNEL_CS,
            _pad: 0,
            address: (&raw const STUBS).addr() as u64 + u64::from(vector) * STUB_BYTES as u64,
        };
    }
    let callbacks = [
        minios_event_callback as *const () as u64,
        minios_failsafe_callback as *const () as u64,
        0,
        0,
        0,
    ];
    // SAFETY: the stubs handle what they are entered with; the hypervisor copies the table.
    unsafe { hypercall(Hypercall::SetTrapTable, [table.as_ptr().addr() as u64, 0, 0, 0, 0]) };
    // SAFETY: both callbacks handle what they are entered with.
    unsafe { hypercall(Hypercall::SetCallbacks, callbacks) };
}

/// Called by arch/trap.S with events masked as they were.
#[unsafe(no_mangle)]
extern "C" fn minios_trap(frame: &mut TrapFrame) {
    let handler = usize::try_from(frame.vector)
        .ok()
        .and_then(|vector| HANDLERS.get(vector))
        .map_or(core::ptr::null_mut(), |handler| handler.load(Ordering::Relaxed));
    if handler.is_null() {
        crash::trap(frame);
    }
    // SAFETY: only `set_handler` stores here, and it stores a `Handler`.
    let handler = unsafe { core::mem::transmute::<*mut (), Handler>(handler) };
    if !handler(frame) {
        crash::trap(frame);
    }
}

/// Called by arch/trap.S when the hypervisor could not return to us.
#[unsafe(no_mangle)]
extern "C" fn minios_failsafe(slots: &[u64; 11]) -> ! {
    crash::failsafe(slots)
}
