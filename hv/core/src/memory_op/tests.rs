// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;
use std::vec::Vec;

use super::*;
use crate::guest_range::LOW_END;
use xen_abi::mmu::{HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_START};

/// A list of `nr_extents` of `extent_order` at a good address.
fn list(nr_extents: u64, extent_order: u32) -> MemoryReservation {
    MemoryReservation { extent_start: 0x1000, nr_extents, extent_order, ..Default::default() }
}

fn exchange(input: MemoryReservation, output: MemoryReservation) -> Exchange {
    Exchange { input, output, ..Default::default() }
}

#[test]
fn xsa_029_and_212_lists_stay_out_of_the_hypervisor() {
    let good = list(2, 0);
    let bad = [
        HYPERVISOR_VIRT_START,
        HYPERVISOR_VIRT_END - 8,
        // The first entry is the guest's, the second is not.
        LOW_END - 8,
        u64::MAX - 7,
    ];
    for extent_start in bad {
        let bad = MemoryReservation { extent_start, ..good };
        assert_eq!(Chunks::of(&exchange(bad, good)), Err(Errno::Efault), "{extent_start:#x}");
        assert_eq!(Chunks::of(&exchange(good, bad)), Err(Errno::Efault), "{extent_start:#x}");
        assert_eq!(address_bits(&bad), None);
    }
    for extent_start in [0, LOW_END - 16, HYPERVISOR_VIRT_END] {
        let fine = MemoryReservation { extent_start, ..good };
        assert!(Chunks::of(&exchange(fine, fine)).is_ok(), "{extent_start:#x}");
        assert!(address_bits(&fine).is_some());
    }
}

#[test]
fn xsa_029_progress_beyond_the_list_is_refused() {
    let request = Exchange { nr_exchanged: 3, ..exchange(list(2, 0), list(2, 0)) };
    assert_eq!(Chunks::of(&request), Err(Errno::Einval));
}

#[test]
fn xsa_159_and_031_huge_extents_are_refused() {
    for order in [10, 18, 31, 32, 63, 64, u32::MAX] {
        assert_eq!(Chunks::of(&exchange(list(1, order), list(1, order))), Err(Errno::Eperm));
        assert_eq!(address_bits(&list(1, order)), None);
    }
}

#[test]
fn xsa_111_lists_longer_than_a_continuation_can_count_are_refused() {
    assert_eq!(address_bits(&list(1 << 58, 0)), None);
    assert_eq!(address_bits(&list(u64::MAX, 0)), None);
    let most = 1 << 61;
    assert_eq!(Chunks::of(&exchange(list(most, 9), list(most, 9))), Err(Errno::Einval));
}

#[test]
fn xsa_231_nodes_that_do_not_exist_are_refused() {
    let on = |mem_flags| address_bits(&MemoryReservation { mem_flags, ..list(1, 0) });
    assert_eq!(on(0), Some(64));
    assert_eq!(on(1 << 8 | 32), Some(32));
    for flags in [2 << 8, 0xff << 8, MEMF_POPULATE_ON_DEMAND, MEMF_VNODE] {
        assert_eq!(on(flags), None, "{flags:#x}");
    }
}

proptest! {
    /// The chunks name every extent of both lists once.
    #[test]
    fn chunks_cover_both_lists(from in 0..4u32, to in 0..4u32, blocks in 0..20u64) {
        let largest = from.max(to);
        let of = |order: u32| list(blocks << (largest - order), order);
        let chunks = Chunks::of(&exchange(of(from), of(to))).unwrap();
        let inputs: Vec<u64> = (chunks.next..chunks.end).flat_map(|c| chunks.inputs(c)).collect();
        let outputs: Vec<u64> = (chunks.next..chunks.end).flat_map(|c| chunks.outputs(c)).collect();
        prop_assert_eq!(inputs, (0..of(from).nr_extents).collect::<Vec<_>>());
        prop_assert_eq!(outputs, (0..of(to).nr_extents).collect::<Vec<_>>());
    }

    /// No request makes the check fail in any other way than by an error.
    #[test]
    fn any_request_is_answered(words in any::<[u64; 9]>()) {
        let side = |words: &[u64]| MemoryReservation {
            extent_start: words[0],
            nr_extents: words[1],
            extent_order: u32::try_from(words[2] & 0xf).unwrap(),
            mem_flags: u32::try_from(words[3] >> 32).unwrap(),
            ..Default::default()
        };
        let request = Exchange {
            nr_exchanged: words[8],
            ..exchange(side(&words[..4]), side(&words[4..8]))
        };
        let _ = Chunks::of(&request);
        let _ = address_bits(&request.input);
    }
}
