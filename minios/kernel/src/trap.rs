// SPDX-License-Identifier: MIT OR Apache-2.0
//! Exceptions. They are crashes, unless a handler was registered for the vector.
use core::sync::atomic::{AtomicPtr, Ordering};

pub use crate::arch::trap_frame::TrapFrame;

use crate::crash;

/// Vectors that the processor itself may raise.
pub const VECTORS: usize = 32;

/// Returns whether it handled the trap; then the code goes on with the registers in the frame.
pub type Handler = fn(&mut TrapFrame) -> bool;

static HANDLERS: [AtomicPtr<()>; VECTORS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; VECTORS];

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
