// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of SVM the processor has, and turning it on.
use core::arch::{asm, x86_64::__cpuid_count};
use core::slice;

use domain_builder::hypercall_page::VMMCALL;
use hv_core::hvm::msr::EXCHANGED;
use hv_core::hvm::p2m::Format;
use spin::Once;
use xen_abi::frame::Mfn;

use super::control_block::make;
use crate::arch::msr;
use crate::hvm::control_block::Backend;
use crate::memory::{direct_map, frames};

/// Bit of EFER: the instructions of SVM exist.
pub(super) const EFER_SVME: u64 = 1 << 12;
/// Machine address of the page where vmrun keeps the host's state.
const VM_HSAVE_PA: u32 = 0xc001_0117;
/// Features that the firmware can turn off.
const VM_CR: u32 = 0xc001_0114;
const VM_CR_SVM_DISABLED: u64 = 1 << 4;
/// Frames of the map of I/O ports: 12 KiB, in a block of 16.
const IO_MAP_ORDER: u32 = 2;
/// Frames of the map of MSRs.
const MSR_MAP_ORDER: u32 = 1;

/// The frames that all guests share.
pub(super) struct Svm {
    /// Every port leaves the guest.
    pub(super) io_map: Mfn,
    /// Every MSR leaves the guest but those that are exchanged.
    pub(super) msr_map: Mfn,
    /// The host's part of vmload and vmsave.
    pub(super) host: Mfn,
    /// The processor says where the instruction behind the one that left is.
    pub(super) saves_next_rip: bool,
}

unsafe extern "C" {
    fn svm_enter();
}

static SVM: Once<Svm> = Once::new();

/// What [`start`] made, if it did.
pub(super) fn svm() -> Option<&'static Svm> {
    SVM.get()
}

/// Turns SVM on if the processor has what is needed; or says why not.
pub fn start() -> Result<Backend, &'static str> {
    const SVM_FEATURE: u32 = 1 << 2;
    const NESTED_PAGING: u32 = 1 << 0;
    const NEXT_RIP_SAVE: u32 = 1 << 3;
    if __cpuid_count(0x8000_0000, 0).eax < 0x8000_000a
        || __cpuid_count(0x8000_0001, 0).ecx & SVM_FEATURE == 0
    {
        return Err("the processor has no AMD-V");
    }
    let leaf = __cpuid_count(0x8000_000a, 0);
    if msr::read(VM_CR) & VM_CR_SVM_DISABLED != 0 {
        return Err("AMD-V is turned off by the firmware");
    }
    let no_memory = "no memory for AMD-V";
    let alloc = || frames::alloc_zeroed(0).ok_or(no_memory);
    let (io_map, _) = alloc_map(IO_MAP_ORDER).ok_or(no_memory)?;
    let svm = Svm {
        io_map,
        msr_map: msr_map().ok_or(no_memory)?,
        host: alloc()?,
        saves_next_rip: leaf.edx & NEXT_RIP_SAVE != 0,
    };
    msr::write(msr::EFER, msr::read(msr::EFER) | EFER_SVME);
    msr::write(VM_HSAVE_PA, alloc()?.maddr().get());
    // SAFETY: the frame is the host's VMCB; storing registers in it changes nothing else.
    unsafe { asm!("vmsave rax", in("rax") svm.host.maddr().get(), options(nostack)) }
    SVM.call_once(|| svm);
    Ok(Backend {
        name: "AMD-V",
        has_nested_paging: leaf.edx & NESTED_PAGING != 0,
        // Tag 0 is the host's.
        tags: leaf.ebx.saturating_sub(1),
        format: Format::Npt,
        hypercall: VMMCALL,
        has_misc_enable: false,
        make,
        enter: svm_enter,
    })
}

/// Frames for a map with all bits set: everything leaves the guest.
fn alloc_map(order: u32) -> Option<(Mfn, &'static mut [u8])> {
    let map = frames::alloc_zeroed(order)?;
    let bytes: *mut u8 = direct_map::pointer(map.maddr());
    // SAFETY: the frames were just allocated for the map, which nobody uses yet.
    let bytes = unsafe { slice::from_raw_parts_mut(bytes, 4096 << order) };
    bytes.fill(0xff);
    Some((map, bytes))
}

/// Every MSR leaves the guest but those that are exchanged (15.11): two bits for each, for reading
/// and writing, in 2 KiB for those of low numbers and 2 KiB for high ones.
fn msr_map() -> Option<Mfn> {
    const PART_BYTES: usize = 2048;
    let (map, bytes) = alloc_map(MSR_MAP_ORDER)?;
    for register in EXCHANGED {
        let part = usize::from(register >= 0xc000_0000) * PART_BYTES;
        let at = part + (register & 0x1fff) as usize / 4;
        bytes[at] &= !(3 << (register % 4 * 2));
    }
    Some(map)
}
