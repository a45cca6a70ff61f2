// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of `/bytes/N`: byte `i` is `i` modulo 251, a prime, so that a lost, doubled or
//! misplaced piece of any usual size shows.

#[cfg(test)]
mod tests;

const PERIOD: usize = 251;
/// Periods in the table: a fill is a copy.
const TABLE: [u8; PERIOD * 33] = {
    let mut table = [0; PERIOD * 33];
    let mut i = 0;
    while i < table.len() {
        #[expect(clippy::cast_possible_truncation, reason = "smaller than 251")]
        {
            table[i] = (i % PERIOD) as u8;
        }
        i += 1;
    }
    table
};
static PATTERN: [u8; PERIOD * 33] = TABLE;

/// Fills `to` with the bytes from `offset` on.
pub fn fill(offset: u64, to: &mut [u8]) {
    let start = usize::try_from(offset % PERIOD as u64).unwrap_or(0);
    // Each piece but the last is a whole number of periods: all start at the same place.
    for piece in to.chunks_mut(PERIOD * 32) {
        piece.copy_from_slice(&PATTERN[start..start + piece.len()]);
    }
}
