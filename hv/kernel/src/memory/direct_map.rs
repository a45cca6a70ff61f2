// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machine memory through the direct map.
use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_setzero_si128,
};
use core::sync::atomic::{AtomicU64, Ordering};

use hv_core::frame_memory::FrameMemory;
use xen_abi::frame::{Maddr, Mfn, PAGE_SIZE};

use super::layout::{DIRECT_MAP, DIRECT_MAP_BYTES, HV_END, IMAGE};

/// Where ring 0 sees machine address `at`.
pub fn pointer<T>(at: Maddr) -> *mut T {
    assert!(at.get() < DIRECT_MAP_BYTES, "machine address beyond the direct map");
    (DIRECT_MAP + at.get()) as *mut T
}

/// The machine address behind an address in the direct map or in the image.
pub fn maddr<T>(pointer: *const T) -> Maddr {
    let address = pointer as u64;
    assert!((IMAGE..HV_END).contains(&address), "neither image nor direct map");
    Maddr::new(address - if address >= DIRECT_MAP { DIRECT_MAP } else { IMAGE })
}

/// Machine memory.
#[derive(Clone, Copy)]
pub struct DirectMap;

impl DirectMap {
    fn word(&self, at: Maddr) -> &'static AtomicU64 {
        assert!(at.get().is_multiple_of(8), "a word of memory is aligned");
        // SAFETY: the direct map covers all frames of the frame table; guests and other pCPUs
        // change the same words, so they are accessed as atomics.
        unsafe { AtomicU64::from_ptr(pointer(at)) }
    }
}

impl FrameMemory for DirectMap {
    fn read_u64(&self, at: Maddr) -> u64 {
        self.word(at).load(Ordering::Acquire)
    }

    fn write_u64(&self, at: Maddr, value: u64) {
        self.word(at).store(value, Ordering::Release);
    }

    fn compare_exchange_u64(&self, at: Maddr, current: u64, new: u64) -> Result<(), u64> {
        let word = self.word(at);
        word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }

    fn zero_frame(&self, frame: Mfn) {
        clear(frame);
    }

    fn copy_frame(&self, from: Mfn, to: Mfn) {
        let source: *const u8 = pointer(from.maddr());
        let target: *mut u8 = pointer(to.maddr());
        // SAFETY: both frames are mapped; `copy` allows them to be the same.
        unsafe { source.copy_to(target, PAGE_SIZE) }
    }
}

/// Fills a frame that only the hypervisor uses with zero bytes. One that holds nothing else is not
/// written: inside a virtual machine it then takes no memory of the host's.
pub fn zero(frame: Mfn) {
    const CHUNK: usize = 16;
    let vectors: *const [[__m128i; CHUNK]; PAGE_SIZE / 16 / CHUNK] = pointer(frame.maddr());
    // SAFETY: the frame is mapped, nothing of Rust's lives in it, and nobody else uses it.
    let vectors = unsafe { &*vectors };
    // SAFETY: every 64-bit processor has SSE2.
    if !vectors.iter().all(|chunk| unsafe { is_zero(chunk) }) {
        clear(frame);
    }
}

/// Whether all bits are 0.
#[target_feature(enable = "sse2")]
#[inline]
fn is_zero<const N: usize>(vectors: &[__m128i; N]) -> bool {
    let none = _mm_setzero_si128();
    let all = vectors.iter().fold(none, |all, vector| _mm_or_si128(all, *vector));
    _mm_movemask_epi8(_mm_cmpeq_epi8(all, none)) == 0xffff
}

/// Fills a frame, in which nothing of Rust's lives, with zero bytes. QEMU's emulation takes a step
/// for each vector, but one for each word of `rep stosq`.
fn clear(frame: Mfn) {
    const BLOCK: usize = 256;
    let page: *mut u8 = pointer(frame.maddr());
    // SAFETY: the frame is mapped, and a whole number of blocks; vector registers are the
    // guest's no longer.
    unsafe {
        asm!(
            "xorps {zero}, {zero}",
            "2:",
            ".irp at, 0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240",
            "movaps [{to} + \\at], {zero}",
            ".endr",
            "add {to}, {BLOCK}",
            "dec {blocks:e}",
            "jnz 2b",
            BLOCK = const BLOCK,
            zero = out(xmm_reg) _,
            to = inout(reg) page => _,
            blocks = inout(reg) PAGE_SIZE / BLOCK => _,
            options(nostack),
        );
    }
}

/// Copies bytes between frames that the frame table covers; neither range leaves its frame.
pub fn copy_bytes(from: Maddr, to: Maddr, length: usize) {
    let (source, target): (*const u8, *mut u8) = (pointer(from), pointer(to));
    if from.mfn() == to.mfn() {
        // SAFETY: both ranges are mapped and hold nothing of Rust's; `copy` allows an overlap.
        unsafe { source.copy_to(target, length) }
    } else {
        // SAFETY: as above; the ranges are in two frames.
        unsafe { source.copy_to_nonoverlapping(target, length) }
    }
}
