// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which components of its extended state a guest may turn on (XCR0; Intel SDM volume 1, 13.3).

/// The components that are on before a guest chooses, as on Xen: x87 and SSE.
pub const INITIAL: u64 = X87 | SSE;

const X87: u64 = 1 << 0;
const SSE: u64 = 1 << 1;
const AVX: u64 = 1 << 2;
/// Mask registers, upper halves of zmm0 to zmm15, zmm16 to zmm31.
const AVX512: u64 = 7 << 5;

/// Whether XCR0 can have this value where the components `available` are there.
#[must_use]
pub const fn is_possible(value: u64, available: u64) -> bool {
    let x87 = value & X87 != 0;
    let avx = value & AVX == 0 || value & SSE != 0;
    let avx512 = value & AVX512 == 0 || (value & AVX512 == AVX512 && value & AVX != 0);
    value & !available == 0 && x87 && avx && avx512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_need_others() {
        let all = X87 | SSE | AVX | AVX512;
        for value in [1, 3, 7, 0xe7] {
            assert!(is_possible(value, all), "{value:#x}");
        }
        for value in [0, 2, 5, 6, 0x27, 0xe3, 1 << 9 | 3, u64::MAX] {
            assert!(!is_possible(value, all), "{value:#x}");
        }
        assert!(!is_possible(7, INITIAL));
    }
}
