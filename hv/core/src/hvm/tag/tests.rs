// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn a_tag_stays_until_it_is_forgotten_or_all_are_used() {
    let mut tags = Tags::new(2);
    let (one, all) = tags.enter(Tag::default(), false);
    assert_eq!((one.number(), all), (1, false));
    assert_eq!(tags.enter(one, false), (one, false));
    let (two, all) = tags.enter(Tag::default(), false);
    assert_eq!((two.number(), all), (2, false));
    let (again, all) = tags.enter(one, true);
    assert_eq!((again.number(), all), (1, true));
    // The other one's tag was of the generation before.
    let (other, all) = tags.enter(two, false);
    assert_eq!((other.number(), all), (2, false));
}

proptest! {
    /// A cache of translations by tag: a vCPU never meets those of another, nor its own of before.
    #[test]
    fn nobody_meets_stale_translations(
        count in 0..5_u32,
        entries in prop::collection::vec((0..6_usize, any::<bool>()), 1..200),
    ) {
        let mut tags = Tags::new(count);
        let mut held = [Tag::default(); 6];
        // Of each tag whose translations are cached, and in which of its lives.
        let mut cache: Vec<Option<(usize, u32)>> = std::vec![None; 8];
        let mut lives = [0; 6];
        for (vcpu, forget) in entries {
            lives[vcpu] += u32::from(forget);
            let (tag, all) = tags.enter(held[vcpu], forget);
            held[vcpu] = tag;
            prop_assert!((1..=count.max(1)).contains(&tag.number()));
            if all {
                cache.fill(None);
            }
            let cached = &mut cache[tag.number() as usize];
            prop_assert!(cached.is_none_or(|found| found == (vcpu, lives[vcpu])));
            *cached = Some((vcpu, lives[vcpu]));
        }
    }
}
