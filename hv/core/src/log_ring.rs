// SPDX-License-Identifier: MIT OR Apache-2.0
//! A log that forgets its oldest bytes.

/// The last `N` bytes of a text. Positions in it run freely and wrap at 2^32, as
/// `XEN_SYSCTL_readconsole` has them.
#[derive(Debug)]
pub struct LogRing<const N: usize> {
    bytes: [u8; N],
    /// Position behind the newest byte.
    end: u32,
    /// Bytes kept.
    length: u32,
}

impl<const N: usize> Default for LogRing<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> LogRing<N> {
    const CAPACITY: u32 = {
        assert!(N.is_power_of_two() && N <= 1 << 30);
        #[expect(clippy::cast_possible_truncation, reason = "checked a line above")]
        let capacity = N as u32;
        capacity
    };

    /// An empty log.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; N], end: 0, length: 0 }
    }

    /// Adds bytes.
    pub fn append(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let at = Self::slot(self.end);
            if let Some(slot) = self.bytes.get_mut(at) {
                *slot = byte;
            }
            self.end = self.end.wrapping_add(1);
            self.length = self.length.saturating_add(1).min(Self::CAPACITY);
        }
    }

    /// The position of the oldest byte.
    #[must_use]
    pub const fn start(&self) -> u32 {
        self.end.wrapping_sub(self.length)
    }

    /// Copies from position `from` on, or from the oldest byte if that is forgotten (or `from` was
    /// never there). Returns the bytes copied and the position behind them.
    pub fn read(&self, from: u32, buffer: &mut [u8]) -> (usize, u32) {
        let kept = self.end.wrapping_sub(from) <= self.length;
        let mut at = if kept { from } else { self.start() };
        let mut copied = 0_usize;
        for target in buffer {
            if at == self.end {
                break;
            }
            *target = self.bytes.get(Self::slot(at)).copied().unwrap_or(0);
            at = at.wrapping_add(1);
            copied = copied.saturating_add(1);
        }
        (copied, at)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    fn slot(position: u32) -> usize {
        let slot = position.checked_rem(Self::CAPACITY).unwrap_or(0);
        usize::try_from(slot).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::LogRing;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn the_oldest_bytes_go() {
        let mut log = LogRing::<8>::new();
        log.append(b"hello");
        let mut buffer = [0; 16];
        assert_eq!(log.read(0, &mut buffer), (5, 5));
        log.append(b" world");
        let (copied, end) = log.read(0, &mut buffer);
        assert_eq!((&buffer[..copied], end), (&b"lo world"[..], 11));
        assert_eq!(log.read(9, &mut buffer), (2, 11));
        assert_eq!(log.read(12, &mut buffer), (8, 11));
        log.clear();
        assert_eq!(log.read(log.start(), &mut buffer), (0, 11));
    }

    #[test]
    fn positions_wrap() {
        let mut log = LogRing::<8> { bytes: [0; 8], end: u32::MAX - 2, length: 0 };
        log.append(b"abcdefgh");
        let mut buffer = [0; 3];
        let (copied, at) = log.read(log.start(), &mut buffer);
        assert_eq!((copied, &buffer), (3, b"abc"));
        assert_eq!(log.read(at, &mut buffer).0, 3);
        assert_eq!(&buffer, b"def");
    }

    proptest! {
        #[test]
        fn it_holds_the_tail(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut log = LogRing::<64>::new();
            let mut all = Vec::new();
            for text in &texts {
                log.append(text);
                all.extend_from_slice(text);
            }
            let mut buffer = [0; 100];
            let (copied, _) = log.read(log.start(), &mut buffer);
            prop_assert_eq!(&buffer[..copied], &all[all.len().saturating_sub(64)..]);
        }
    }
}
