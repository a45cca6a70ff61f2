// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of VT-x the processor has (appendix A), and entering VMX operation (24.7).
use core::arch::x86_64::__cpuid_count;

use domain_builder::hypercall_page::VMCALL;
use hv_core::hvm::msr::EXCHANGED;
use hv_core::hvm::p2m::Format;
use hv_core::hvm::paging::{CR0_PE, CR0_PG};
use hv_core::hvm::vmx::capability::{Allowed, EptVpid, Fixed};
use hv_core::word::low_half;
use spin::Once;
use xen_abi::frame::{Maddr, Mfn};

use super::control_block::make;
use super::instruction::vmxon;
use super::vmcs::{EXCHANGED_MSRS, MsrEntry};
use crate::arch::control::{self, CR4_VMXE};
use crate::arch::msr;
use crate::hvm::control_block::Backend;
use crate::memory::{direct_map, frames};

/// Whether the firmware allows VMX.
const FEATURE_CONTROL: u32 = 0x3a;
const BASIC: u32 = 0x480;
const MISC: u32 = 0x485;
const CR0_FIXED: [u32; 2] = [0x486, 0x487];
const CR4_FIXED: [u32; 2] = [0x488, 0x489];
const SECONDARY_CONTROLS: u32 = 0x48b;
const EPT_VPID: u32 = 0x48c;

/// Bits of the control fields (25.6 to 25.8).
pub(super) mod bits {
    /// Interrupts and NMIs leave the guest; it has an NMI mask of its own.
    pub(in super::super) const PIN: u32 = 1 << 0 | 1 << 3 | 1 << 5;
    /// The guest runs no longer than its timer says.
    pub(in super::super) const TIMER: u32 = 1 << 6;
    pub(in super::super) const INTERRUPT_WINDOW: u32 = 1 << 2;
    pub(in super::super) const NMI_WINDOW: u32 = 1 << 22;
    pub(in super::super) const INVLPG: u32 = 1 << 9;
    pub(in super::super) const CR3: u32 = 1 << 15 | 1 << 16;
    /// TSC offset; hlt, mwait, rdpmc, CR8, debug registers, ports, monitor leave the guest, and the
    /// MSRs of a map; there are secondary controls.
    pub(in super::super) const PROCESSOR: u32 = 1 << 3
        | 1 << 7
        | 1 << 10
        | 1 << 11
        | 1 << 19
        | 1 << 20
        | 1 << 23
        | 1 << 24
        | 1 << 28
        | 1 << 29
        | 1 << 31;
    pub(in super::super) const EPT: u32 = 1 << 1;
    pub(in super::super) const VPID: u32 = 1 << 5;
    pub(in super::super) const WBINVD: u32 = 1 << 6;
    pub(in super::super) const UNRESTRICTED: u32 = 1 << 7;
    /// DR7 is saved; the host is 64-bit, with its own PAT and EFER.
    pub(in super::super) const EXIT: u32 = 1 << 2 | 1 << 9 | 1 << 19 | 1 << 21;
    /// DR7, PAT and EFER are loaded.
    pub(in super::super) const ENTRY: u32 = 1 << 2 | 1 << 14 | 1 << 15;
    pub(in super::super) const ENTRY_LONG_MODE: u32 = 1 << 9;
}

/// What was found, and the frames that all guests share.
pub(super) struct Vmx {
    /// The word with which a VMCS begins.
    pub(super) revision: u32,
    /// Control fields: pin-based, processor-based, secondary, exit, entry.
    pub(super) pin: u32,
    pub(super) processor: u32,
    pub(super) secondary: u32,
    pub(super) exit: u32,
    pub(super) entry: u32,
    /// What CR0 and CR4 must be while a guest runs that has its paging to itself; one that is
    /// shadowed runs with paging on.
    pub(super) cr0: Fixed,
    pub(super) cr4: Fixed,
    /// The guest's timer, if there is one, counts every 2^this ticks of the TSC.
    pub(super) timer_shift: u32,
    /// How translations are forgotten.
    pub(super) ept_vpid: EptVpid,
    /// Every MSR leaves the guest but those that are exchanged.
    pub(super) msr_map: Mfn,
    /// What the host has in the MSRs that are exchanged by way of memory.
    pub(super) host_msrs: Maddr,
}

unsafe extern "C" {
    fn vmx_enter();
}

static VMX: Once<Vmx> = Once::new();

/// What [`start`] found; a vCPU with a control block needs it.
pub(super) fn vmx() -> &'static Vmx {
    VMX.get().expect("a vCPU with a control block needs VT-x")
}

/// Enters VMX operation if the processor has what is needed; or says why not.
pub fn start() -> Result<Backend, &'static str> {
    const VMX_FEATURE: u32 = 1 << 5;
    if __cpuid_count(1, 0).ecx & VMX_FEATURE == 0 {
        return Err("the processor has no VT-x");
    }
    unlock()?;
    let vmx = find()?;
    enter(&vmx)?;
    let has = |bits| vmx.secondary & bits != 0;
    let (has_nested_paging, has_tags) = (has(bits::EPT), has(bits::VPID));
    VMX.call_once(|| vmx);
    Ok(Backend {
        name: "VT-x",
        has_nested_paging,
        // Tag 0 is the host's; they have 16 bits.
        tags: if has_tags { 0xffff } else { 0 },
        format: Format::Ept { large_code: may_execute_large() },
        hypercall: VMCALL,
        has_misc_enable: true,
        make,
        enter: vmx_enter,
    })
}

/// Whether a guest may execute from 2 MiB. On Intel's processors that do not say otherwise it could
/// stop the machine by changing its mapping meanwhile (iTLB multihit, XSA-304).
fn may_execute_large() -> bool {
    const CAPABILITIES: u32 = 0x10a;
    const HAS_CAPABILITIES: u32 = 1 << 29;
    const IS_SAFE: u64 = 1 << 6;
    __cpuid_count(0, 0).eax >= 7
        && __cpuid_count(7, 0).edx & HAS_CAPABILITIES != 0
        && msr::read(CAPABILITIES) & IS_SAFE != 0
}

/// The firmware allows VMX, or leaves the choice to us (24.7).
fn unlock() -> Result<(), &'static str> {
    const LOCKED: u64 = 1 << 0;
    const VMX_ALLOWED: u64 = 1 << 2;
    let now = msr::read(FEATURE_CONTROL);
    if now & LOCKED == 0 {
        msr::write(FEATURE_CONTROL, now | LOCKED | VMX_ALLOWED);
    } else if now & VMX_ALLOWED == 0 {
        return Err("VT-x is turned off by the firmware");
    }
    Ok(())
}

/// EPT is of use only if a guest may run without paging.
const NESTED: u32 = bits::EPT | bits::UNRESTRICTED;

/// Reads the capabilities.
fn find() -> Result<Vmx, &'static str> {
    const HAS_SECONDARY: u32 = 1 << 31;
    const TRUE_CONTROLS: u64 = 1 << 55;
    let basic = msr::read(BASIC);
    // Registers of before that bit say that more must be 1.
    let first = if basic & TRUE_CONTROLS != 0 { 0x48d } else { 0x481 };
    let allowed = |register| Allowed::new(msr::read(register));
    let processor = allowed(first + 1);
    if processor.with(HAS_SECONDARY).is_err() {
        return Err("VT-x of the first generation");
    }
    let secondary = allowed(SECONDARY_CONTROLS);
    let has = |bits| secondary.with(bits).is_ok();
    let has_register = has(bits::EPT) || has(bits::VPID);
    let ept_vpid = EptVpid::new(if has_register { msr::read(EPT_VPID) } else { 0 });
    let incomplete = |_| "VT-x without all controls that are needed";
    let fixed =
        |[ones, allowed]: [u32; 2]| Fixed { ones: msr::read(ones), allowed: msr::read(allowed) };
    let tags = if has(bits::VPID) && ept_vpid.invvpid_all() { bits::VPID } else { 0 };
    let with_ept = has(NESTED) && ept_vpid.is_enough();
    let nested = if with_ept { NESTED } else { 0 };
    processor.with(bits::INTERRUPT_WINDOW | bits::NMI_WINDOW).map_err(incomplete)?;
    let pin = allowed(first);
    let timer = if pin.with(bits::TIMER).is_ok() { bits::TIMER } else { 0 };
    let entry = allowed(first + 3);
    entry.with(bits::ENTRY_LONG_MODE).map_err(incomplete)?;
    Ok(Vmx {
        revision: low_half(basic) & 0x7fff_ffff,
        pin: pin.with(bits::PIN | timer).map_err(incomplete)?,
        processor: processor.with(bits::PROCESSOR).map_err(incomplete)?,
        secondary: secondary.with(bits::WBINVD | nested | tags).map_err(incomplete)?,
        exit: allowed(first + 2).with(bits::EXIT).map_err(incomplete)?,
        entry: entry.with(bits::ENTRY).map_err(incomplete)?,
        cr0: fixed(CR0_FIXED).without(CR0_PE | CR0_PG),
        cr4: fixed(CR4_FIXED),
        timer_shift: u32::from(msr::read(MISC).to_le_bytes()[0] & 31),
        ept_vpid,
        msr_map: msr_map().ok_or(NO_MEMORY)?,
        host_msrs: host_msrs().ok_or(NO_MEMORY)?,
    })
}

const NO_MEMORY: &str = "no memory for VT-x";

/// Every MSR leaves the guest but those that are exchanged (25.6.9): 1 KiB of bits for reads of low
/// numbers, of high ones, for writes of low ones, of high ones.
fn msr_map() -> Option<Mfn> {
    const PART_BYTES: usize = 1024;
    let map = frames::alloc_zeroed(0)?;
    let bytes: *mut [u8; 4 * PART_BYTES] = direct_map::pointer(map.maddr());
    // SAFETY: the frame was just allocated for the map.
    let bytes = unsafe { &mut *bytes };
    bytes.fill(0xff);
    for register in EXCHANGED {
        let part = usize::from(register >= 0xc000_0000) * PART_BYTES;
        let at = part + (register & 0x1fff) as usize / 8;
        bytes[at] &= !(1 << (register % 8));
        bytes[at + 2 * PART_BYTES] &= !(1 << (register % 8));
    }
    Some(map)
}

/// What the MSRs are while the hypervisor runs.
fn host_msrs() -> Option<Maddr> {
    let list = frames::alloc_for::<[MsrEntry; EXCHANGED_MSRS.len()]>()?;
    let entries = EXCHANGED_MSRS.map(|register| MsrEntry::new(register, msr::read(register)));
    // SAFETY: the frame was just allocated for the list.
    unsafe { list.write(entries) }
    Some(direct_map::maddr(list.as_ptr()))
}

/// Executes `vmxon`, with control registers as it wants them.
fn enter(vmx: &Vmx) -> Result<(), &'static str> {
    let region = frames::alloc_zeroed(0).ok_or(NO_MEMORY)?;
    let revision: *mut u32 = direct_map::pointer(region.maddr());
    // SAFETY: the frame was just allocated.
    unsafe { revision.write(vmx.revision) }
    control::set_cr0(vmx.cr0.apply(control::cr0()));
    control::set_cr4(vmx.cr4.apply(control::cr4() | CR4_VMXE));
    // SAFETY: the frame begins with the revision and is never given back.
    unsafe { vmxon(region.maddr()) }.map_err(|_| "the processor refuses VMXON")
}
