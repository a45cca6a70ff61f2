// SPDX-License-Identifier: MIT OR Apache-2.0
//! Saving and loading x87, MXCSR and the vector registers beyond xmm, at a switch of vCPUs.
use core::arch::asm;
use core::cell::UnsafeCell;

use super::cpu::features;

/// Room for the legacy area, the xsave header, AVX and AVX-512.
const AREA_BYTES: usize = 2816;
/// Bytes of an image in the form of fxsave.
pub const IMAGE_BYTES: usize = 512;
/// Where the xmm registers are in it.
pub const IMAGE_XMM: core::ops::Range<usize> = 160..416;

/// A vCPU's state outside its general and xmm registers, in the form of xsave (or fxsave).
#[repr(C, align(64))]
pub struct FpuArea(UnsafeCell<[u8; AREA_BYTES]>);

// SAFETY: written only by the pCPU that switches the vCPU in or out.
unsafe impl Sync for FpuArea {}

impl FpuArea {
    /// Initial state: the x87 control word and MXCSR as after a reset, everything else zero.
    pub fn reset(&self) {
        let area: *mut u8 = self.0.get().cast();
        // SAFETY: the area is AREA_BYTES long and nobody else looks at it.
        unsafe { area.write_bytes(0, AREA_BYTES) }
        // SAFETY: FCW is at offset 0 of the area (Intel SDM volume 1, 10.5.1).
        unsafe { area.cast::<u16>().write(0x037f) }
        let mxcsr: *mut u32 = area.wrapping_add(24).cast();
        // SAFETY: MXCSR is at offset 24, and the area is aligned to 64.
        unsafe { mxcsr.write(0x1f80) }
    }

    /// Takes x87 and MXCSR from an image in the form of fxsave; all else is as after a reset.
    pub fn set_image(&self, image: &[u8; IMAGE_BYTES]) {
        const MXCSR: core::ops::Range<usize> = 24..28;
        const MXCSR_BITS: [u8; 4] = [0xff, 0xff, 0, 0];
        const XSTATE_BV: usize = IMAGE_BYTES;
        const X87_AND_SSE: u64 = 3;
        let mut image = *image;
        // Others are reserved: loading them would be a fault of ring 0.
        image[MXCSR].iter_mut().zip(MXCSR_BITS).for_each(|(byte, bits)| *byte &= bits);
        self.reset();
        let area: *mut u8 = self.0.get().cast();
        // SAFETY: the area is longer than the image, and nobody else looks at it.
        unsafe { area.cast::<[u8; IMAGE_BYTES]>().write(image) }
        let present: *mut u64 = area.wrapping_add(XSTATE_BV).cast();
        // SAFETY: the header of xsave follows the image in the area, which is aligned to 64.
        unsafe { present.write(X87_AND_SSE) }
    }

    /// The state in the form of fxsave; its xmm registers are of no meaning.
    pub fn image(&self) -> [u8; IMAGE_BYTES] {
        let area: *const [u8; IMAGE_BYTES] = self.0.get().cast();
        // SAFETY: the area is longer than the image, and its vCPU does not run.
        unsafe { area.read() }
    }

    /// Stores the CPU's state. The xmm registers in it are the hypervisor's, of no meaning.
    pub fn save(&self) {
        let area = self.0.get();
        if features().xcr0.is_some() {
            // SAFETY: the area is aligned and holds every component that XCR0 has on.
            unsafe {
                asm!("xsave64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX,
                    options(nostack, preserves_flags));
            }
        } else {
            // SAFETY: the area is aligned and longer than 512 bytes.
            unsafe { asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)) }
        }
    }

    /// Loads the state that `save` or `reset` left.
    pub fn load(&self) {
        let area = self.0.get();
        if features().xcr0.is_some() {
            // SAFETY: the area came from xsave under the same XCR0, or from `reset`, so that no
            // reserved bit is set; no vector register is live across this.
            unsafe {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                    out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                    out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                    options(nostack, preserves_flags));
            }
        } else {
            // SAFETY: as above, by fxsave.
            unsafe {
                asm!("fxrstor64 [{}]", in(reg) area,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
                    out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                    out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                    options(nostack, preserves_flags));
            }
        }
    }
}

/// Sets which components xsave handles, and guests can use.
#[expect(clippy::cast_possible_truncation, reason = "the value is passed in two halves")]
pub fn set_xcr0(value: u64) {
    // SAFETY: CR4.OSXSAVE is on and `value` is one that the processor accepts.
    unsafe {
        asm!("xsetbv", in("ecx") 0, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    }
}
