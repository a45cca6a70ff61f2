// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random numbers: a generator that the processor's random instructions and the jitter of its
//! time stamp counter feed.
//!
//! ```no_run
//! let mut key = [0; 16];
//! minios::random::fill(&mut key);
//! let port = 49152 + minios::random::u32() % 16384;
//! # let _ = port;
//! ```
use minios_core::random::Generator;

use crate::arch::instruction;
use crate::lock::Lock;
use crate::suspend::Outcome;
use crate::time::system_time_ns;

/// Samples of the counter's jitter at boot.
const JITTER_SAMPLES: usize = 256;
/// Numbers taken from the processor's instruction at boot.
const SEEDS: u32 = 8;
/// How often an instruction that had nothing ready is tried again.
const RETRIES: u32 = 100;

static GENERATOR: Lock<Option<Generator>> = Lock::new(None);

/// Fills `bytes` with random bytes.
pub fn fill(bytes: &mut [u8]) {
    with(|generator| {
        generator.mix(&[instruction::rdtsc()]);
        generator.fill(bytes);
    });
}

/// 32 random bits.
#[must_use]
pub fn u32() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// 64 random bits.
#[must_use]
pub fn u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Seeds the generator, and says so if the processor has no instruction for that.
pub(crate) fn init() {
    if seed() == 0 {
        log::warn!("this processor has no RDSEED or RDRAND: random numbers come from jitter alone");
    }
}

/// Two domains that were restored from one save must not have the same numbers.
pub(crate) fn resume(_: Outcome) {
    seed();
}

/// Mixes in all that there is; returns how many numbers came from the processor.
fn seed() -> usize {
    let source: Option<fn() -> Option<u64>> = if instruction::has_rdseed() {
        Some(instruction::rdseed)
    } else if instruction::has_rdrand() {
        Some(instruction::rdrand)
    } else {
        None
    };
    let seeds =
        source.into_iter().flat_map(|source| (0..SEEDS).filter_map(move |_| patient(source)));
    with(|generator| {
        generator.mix(&[system_time_ns()]);
        generator.mix(&core::array::from_fn::<_, JITTER_SAMPLES, _>(|_| instruction::rdtsc()));
        seeds.map(|seed| generator.mix(&[seed])).count()
    })
}

fn with<T>(f: impl FnOnce(&mut Generator) -> T) -> T {
    f(GENERATOR.lock().get_or_insert_with(Generator::new))
}

fn patient(source: fn() -> Option<u64>) -> Option<u64> {
    (0..RETRIES).find_map(|_| source())
}
