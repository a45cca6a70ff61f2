// SPDX-License-Identifier: MIT OR Apache-2.0
//! What leaves the guest (AMD APM volume 2, 15.9 to 15.13), by bits of the words of
//! [`Vmcb`](super::vmcb::Vmcb).

/// INTR, NMI, INIT; rdpmc, cpuid, rsm, invd, hlt, invlpga, ports, MSRs, task switches,
/// FERR_FREEZE, shutdown.
pub(super) const FIRST: u32 = 1 << 0
    | 1 << 1
    | 1 << 3
    | 1 << 15
    | 1 << 18
    | 1 << 19
    | 1 << 22
    | 1 << 24
    | 1 << 26
    | 1 << 27
    | 1 << 28
    | 1 << 29
    | 1 << 30
    | 1 << 31;
/// A virtual interrupt that the guest could take.
pub(super) const VIRTUAL_INTERRUPT: u32 = 1 << 4;
/// `iret`.
pub(super) const IRET: u32 = 1 << 20;
/// All of SVM's own instructions, rdtscp, wbinvd, monitor, mwait, xsetbv.
pub(super) const SECOND: u32 = 0b11_1110_1111_1111;
/// #DB and #AC, which can follow each other without end; #MC, which is the host's.
pub(super) const EXCEPTIONS: u32 = 1 << 1 | 1 << 17 | 1 << 18;
/// Writes of CR4.
pub(super) const CONTROL: u32 = 1 << (16 + 4);
/// Writes of CR8.
pub(super) const WRITE_CR8: u32 = 1 << (16 + 8);
/// Writes of CR0, CR3 and CR4, and reads of CR3.
pub(super) const SHADOW_CONTROL: u32 = 0b11001 << 16 | 1 << 3;
/// #PF.
pub(super) const SHADOW_EXCEPTIONS: u32 = 1 << 14;
/// invlpg.
pub(super) const SHADOW_INSTRUCTIONS: u32 = 1 << 25;
/// All debug registers.
pub(super) const DEBUG: u32 = u32::MAX;
