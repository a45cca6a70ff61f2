// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control registers, the interrupt flag and the TLB.
use core::arch::asm;

/// Task switched: the next vector instruction takes #NM.
pub const CR0_TS: u64 = 1 << 3;

/// Machine checks are exceptions, and do not end it all in silence.
pub const CR4_MCE: u64 = 1 << 6;
/// Global pages.
pub const CR4_PGE: u64 = 1 << 7;
/// rdfsbase and its kind are allowed.
pub const CR4_FSGSBASE: u64 = 1 << 16;
/// xsave and xgetbv are allowed.
pub const CR4_OSXSAVE: u64 = 1 << 18;
/// Ring 0 may not execute user pages.
pub const CR4_SMEP: u64 = 1 << 20;
/// Ring 0 may not touch user pages while rflags.AC is clear.
pub const CR4_SMAP: u64 = 1 << 21;
/// The instructions of VMX exist.
pub const CR4_VMXE: u64 = 1 << 13;
/// rdtsc is for ring 0 only.
pub const CR4_TSD: u64 = 1 << 2;
/// Debug registers 4 and 5 take #UD.
pub const CR4_DE: u64 = 1 << 3;

/// Reads CR0.
pub fn cr0() -> u64 {
    let value;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr0", out(reg) value, options(nostack, preserves_flags)) }
    value
}

/// Loads CR0.
pub fn set_cr0(value: u64) {
    // SAFETY: the caller keeps protected mode and paging on.
    unsafe { asm!("mov cr0, {}", in(reg) value, options(nostack, preserves_flags)) }
}

/// Reads CR2, the address of the last page fault.
pub fn cr2() -> u64 {
    let value;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nostack, preserves_flags)) }
    value
}

/// Loads CR2 for a guest.
pub fn set_cr2(value: u64) {
    // SAFETY: the register holds a number that ring 0 reads at a fault only.
    unsafe { asm!("mov cr2, {}", in(reg) value, options(nostack, preserves_flags)) }
}

/// Reads CR3, the machine address of the L4 in use.
pub fn cr3() -> u64 {
    let value;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nostack, preserves_flags)) }
    value
}

/// Reads CR4.
pub fn cr4() -> u64 {
    let value;
    // SAFETY: reading a register changes nothing.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nostack, preserves_flags)) }
    value
}

/// Loads CR4.
pub fn set_cr4(value: u64) {
    // SAFETY: the caller sets bits that the CPU has and that the hypervisor is prepared for.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nostack, preserves_flags)) }
}

/// Bits of CR4 that each PV guest has for itself.
pub const GUEST_BITS: u64 = CR4_TSD | CR4_DE | CR4_FSGSBASE;

/// Gives CR4 the bits of the guest that is to run, instead of those of the one before.
pub fn set_guest_bits(bits: u64) {
    let now = cr4();
    let wanted = now & !GUEST_BITS | bits & GUEST_BITS;
    if wanted != now {
        set_cr4(wanted);
    }
}

/// Loads the L4 at machine address `root` and drops all translations that are not global.
///
/// # Safety
/// Slots 256 to 271 of `root` are the hypervisor's.
pub unsafe fn set_cr3(root: u64) {
    // SAFETY: the hypervisor's mappings stay the same, by the function's contract.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) }
}

/// Drops the translations that are not global.
pub fn flush_tlb() {
    // SAFETY: the L4 in use has the hypervisor's slots.
    unsafe { set_cr3(cr3()) }
}

/// Drops the translation of the page of `address`; harmless for one that is not canonical.
pub fn invalidate_page(address: u64) {
    // SAFETY: invlpg changes no memory and takes no fault.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) }
}

/// Writes the caches back to memory and empties them.
pub fn write_back_caches() {
    // SAFETY: wbinvd changes no memory contents.
    unsafe { asm!("wbinvd", options(nostack, preserves_flags)) }
}

/// Waits for an interrupt with interrupts on; they are off again when it returns.
pub fn wait_for_interrupt() {
    // SAFETY: an interrupt on top of this leaves everything as it was.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) }
}

/// Takes the interrupts that wait; interrupts are off again when it returns.
pub fn take_interrupts() {
    // SAFETY: an interrupt on top of this leaves everything as it was.
    unsafe { asm!("sti", "nop", "cli", options(nostack)) }
}

/// Takes an NMI that has made a guest leave, by its gate.
pub fn take_nmi() {
    // SAFETY: the gate's handler leaves everything as it was.
    unsafe { asm!("int 2", options(nostack)) }
}

/// Stops this pCPU for good.
pub fn stop() -> ! {
    loop {
        // SAFETY: nothing runs here any more.
        unsafe { asm!("cli", "hlt", options(nostack)) }
    }
}
