// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which interrupt is next (Intel SDM volume 3, 10.8.3 and 10.8.4).

/// A set of vectors: one of the three 256-bit registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vectors([u64; 4]);

impl Vectors {
    /// The empty set.
    pub const NONE: Self = Self([0; 4]);

    /// Adds a vector. Returns whether it was not in the set.
    pub fn insert(&mut self, vector: u8) -> bool {
        let Some((word, bit)) = self.place(vector) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes a vector away.
    pub fn remove(&mut self, vector: u8) {
        if let Some((word, bit)) = self.place(vector) {
            *word &= !bit;
        }
    }

    /// The highest vector.
    #[must_use]
    pub fn highest(&self) -> Option<u8> {
        let (index, word) = self.0.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        let bit = u64::BITS.wrapping_sub(1).wrapping_sub(word.leading_zeros());
        u8::try_from(index.wrapping_mul(64).wrapping_add(bit as usize)).ok()
    }

    /// The priority class of the highest vector; 0 without one.
    #[must_use]
    pub fn class(&self) -> u8 {
        self.highest().map_or(0, class)
    }

    /// The part of the register with the vectors from 32 times `index` on.
    #[must_use]
    pub fn word(&self, index: u8) -> u32 {
        let word = self.0.get(usize::from(index >> 1)).copied().unwrap_or(0).to_le_bytes();
        let [a, b, c, d, e, f, g, h] = word;
        u32::from_le_bytes(if index & 1 == 0 { [a, b, c, d] } else { [e, f, g, h] })
    }

    fn place(&mut self, vector: u8) -> Option<(&mut u64, u64)> {
        let word = self.0.get_mut(usize::from(vector >> 6))?;
        Some((word, 1u64.wrapping_shl(u32::from(vector & 63))))
    }
}

/// The priority class of a vector, or of a priority.
#[must_use]
pub const fn class(vector: u8) -> u8 {
    vector >> 4
}

/// The processor priority: the higher of the task's and that of the interrupt in service.
#[must_use]
pub const fn processor_priority(task: u8, in_service_class: u8) -> u8 {
    if class(task) >= in_service_class { task } else { in_service_class << 4 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_task_counts_with_its_low_bits() {
        assert_eq!(processor_priority(0x35, 0), 0x35);
        assert_eq!(processor_priority(0x35, 3), 0x35);
        assert_eq!(processor_priority(0x35, 4), 0x40);
    }

    proptest::proptest! {
        #[test]
        fn a_set_of_vectors(steps in proptest::collection::vec((0u8.., proptest::bool::ANY), 0..60)) {
            let mut vectors = Vectors::NONE;
            let mut model = BTreeSet::new();
            for (vector, insert) in steps {
                if insert {
                    assert_eq!(vectors.insert(vector), model.insert(vector));
                } else {
                    vectors.remove(vector);
                    model.remove(&vector);
                }
                assert_eq!(vectors.highest(), model.last().copied());
                for word in 0..8 {
                    let bits = model.iter().filter(|vector| **vector / 32 == word);
                    let expected = bits.fold(0, |bits, vector| bits | 1u32 << (vector % 32));
                    assert_eq!(vectors.word(word), expected);
                }
            }
        }
    }
}
