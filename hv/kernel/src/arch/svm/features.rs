// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of SVM the processor has, and turning it on.
use core::arch::{asm, x86_64::__cpuid_count};

use domain_builder::hypercall_page::VMMCALL;
use hv_core::hvm::msr::EXCHANGED;
use hv_core::hvm::p2m::Format;
use spin::Once;
use xen_abi::frame::{Maddr, Mfn};

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
/// Bytes of the part of the map for each range of 8192 registers.
const MSR_RANGE_BYTES: u32 = 2048;

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
    let alloc = |order| frames::alloc_zeroed(order).ok_or(no_memory);
    let svm = Svm {
        io_map: alloc(IO_MAP_ORDER)?,
        msr_map: alloc(MSR_MAP_ORDER)?,
        host: alloc(0)?,
        saves_next_rip: leaf.edx & NEXT_RIP_SAVE != 0,
    };
    fill(svm.io_map, IO_MAP_ORDER);
    fill(svm.msr_map, MSR_MAP_ORDER);
    EXCHANGED.iter().for_each(|register| pass_through(svm.msr_map, *register));
    msr::write(msr::EFER, msr::read(msr::EFER) | EFER_SVME);
    msr::write(VM_HSAVE_PA, alloc(0)?.maddr().get());
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

/// Sets all bits of the frames of a map: everything leaves the guest.
fn fill(map: Mfn, order: u32) {
    let bytes: *mut u8 = direct_map::pointer(map.maddr());
    // SAFETY: the frames were just allocated for the map.
    unsafe { bytes.write_bytes(0xff, 4096 << order) }
}

/// Clears the two bits of a register, for reading and writing.
fn pass_through(map: Mfn, register: u32) {
    let range = match register >> 13 {
        0 => 0,
        0x6_0000 => 1,
        _ => return,
    };
    let byte = range * MSR_RANGE_BYTES + (register & 0x1fff) / 4;
    let at: *mut u8 = direct_map::pointer(Maddr::new(map.maddr().get() + u64::from(byte)));
    // SAFETY: the byte lies in the map, which no guest uses yet.
    let now = unsafe { at.read() };
    // SAFETY: as above.
    unsafe { at.write(now & !(3 << (register % 4 * 2))) }
}
