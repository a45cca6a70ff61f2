// SPDX-License-Identifier: MIT OR Apache-2.0
//! Entries of a PV guest: exceptions and events that the hypervisor bounces to us.
use xen_abi::hypercall::Hypercall;
use xen_abi::trap::{FLAT_KERNEL_CS, TrapFlags, TrapInfo, VECTOR_NMI};

use crate::arch::hypercall::hypercall;
use crate::arch::trap_frame::STUB_BYTES;
use crate::crash;
use crate::trap::VECTORS;

unsafe extern "C" {
    /// arch/pv/trap.S.
    #[link_name = "minios_pv_trap_stubs"]
    static STUBS: [[u8; STUB_BYTES]; VECTORS];
    fn minios_event_callback();
    fn minios_failsafe_callback();
}

/// Registers our entries with the hypervisor.
pub(super) fn init() {
    let mut table = [TrapInfo::default(); VECTORS + 1];
    // Without the vector of NMIs: they tell of the machine, and the hypervisor has said it. 15 and
    // those from 22 on never come.
    let vectors = (0u8..).filter(|vector| *vector != VECTOR_NMI);
    for (vector, entry) in vectors.zip(&mut table[..VECTORS - 1]) {
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

/// Called by arch/pv/trap.S when the hypervisor could not return to us.
#[unsafe(no_mangle)]
extern "C" fn minios_failsafe(slots: &[u64; 11]) -> ! {
    crash::failsafe(slots)
}
