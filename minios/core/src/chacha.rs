// SPDX-License-Identifier: MIT OR Apache-2.0
//! A random generator: ChaCha with 12 rounds, its key replaced from its own output at each refill,
//! so that what was handed out cannot be computed back from a later state.

#[cfg(test)]
mod tests;

const ROUNDS: usize = 12;
/// Words of a block that become the next key; the rest is handed out.
const KEY_WORDS: usize = 8;

/// The generator. Feed it with [`mix`](Self::mix) before use.
pub struct ChaCha {
    key: [u32; KEY_WORDS],
    counter: u64,
    output: [u32; 16],
    used: usize,
}

impl ChaCha {
    /// A generator with an all-zero key: predictable until something is mixed in.
    #[must_use]
    pub const fn new() -> Self {
        Self { key: [0; KEY_WORDS], counter: 0, output: [0; 16], used: 16 }
    }

    /// Mixes a value of any quality into the key. It cannot make the key weaker.
    pub fn mix(&mut self, value: u64) {
        let [a, b] = halves(value);
        self.key[0] ^= a;
        self.key[1] ^= b;
        self.refill();
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used >= self.output.len() {
            self.refill();
        }
        let word = core::mem::take(&mut self.output[self.used]);
        self.used += 1;
        word
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            let word = self.next_u32().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    fn refill(&mut self) {
        self.output = block(&self.key, self.counter);
        self.counter = self.counter.wrapping_add(1);
        self.key.copy_from_slice(&self.output[..KEY_WORDS]);
        self.output[..KEY_WORDS].fill(0);
        self.used = KEY_WORDS;
    }
}

impl Default for ChaCha {
    fn default() -> Self {
        Self::new()
    }
}

/// One ChaCha block (RFC 8439 section 2.3, with a 64-bit counter and no nonce).
fn block(key: &[u32; KEY_WORDS], counter: u64) -> [u32; 16] {
    let mut input = [0; 16];
    input[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    input[4..12].copy_from_slice(key);
    input[12..14].copy_from_slice(&halves(counter));
    let mut state = input;
    for _ in 0..ROUNDS / 2 {
        for (a, b, c, d) in [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)] {
            quarter(&mut state, a, b, c, d);
        }
        for (a, b, c, d) in [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)] {
            quarter(&mut state, a, b, c, d);
        }
    }
    for (word, first) in state.iter_mut().zip(input) {
        *word = word.wrapping_add(first);
    }
    state
}

fn quarter(s: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(16);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(12);
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(8);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(7);
}

/// Low and high half.
fn halves(value: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}
