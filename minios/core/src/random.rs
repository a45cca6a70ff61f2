// SPDX-License-Identifier: MIT OR Apache-2.0
//! A random generator that takes in values of any quality: ChaCha with 12 rounds, its key replaced
//! from its own output after each request, so that what was handed out cannot be computed back
//! from a later state.

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng, SeedableRng};

#[cfg(test)]
mod tests;

/// Bytes of a key.
const KEY: usize = 32;

/// The generator. Feed it with [`mix`](Self::mix) before use.
pub struct Generator(ChaCha12Rng);

impl Generator {
    /// A generator with an all-zero key: predictable until something is mixed in.
    #[must_use]
    pub fn new() -> Self {
        Self(ChaCha12Rng::from_seed([0; KEY]))
    }

    /// Mixes values of any quality into the key. They cannot make the key weaker.
    pub fn mix(&mut self, values: &[u64]) {
        for words in values.chunks(KEY / 8) {
            let mut key = self.next_key();
            for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
                bytes.iter_mut().zip(word.to_le_bytes()).for_each(|(byte, more)| *byte ^= more);
            }
            self.0 = ChaCha12Rng::from_seed(key);
        }
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
        self.0 = ChaCha12Rng::from_seed(self.next_key());
    }

    fn next_key(&mut self) -> [u8; KEY] {
        let mut key = [0; KEY];
        self.0.fill_bytes(&mut key);
        key
    }
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}
