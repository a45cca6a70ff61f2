// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{CodeSize, SegmentRegister, StringIo};
use proptest::prelude::{any, prop_assert, proptest};

fn decode(bytes: &[u8], size: CodeSize) -> StringIo {
    StringIo::decode(bytes, size).unwrap()
}

#[test]
fn prefixes() {
    let plain = decode(&[0x6c], CodeSize::Bits64);
    assert_eq!((plain.segment, plain.is_read, plain.repeats), (SegmentRegister::Es, true, false));
    let outs = decode(&[0xf3, 0x65, 0x67, 0x48, 0x6f], CodeSize::Bits64);
    assert_eq!((outs.segment, outs.is_read, outs.repeats), (SegmentRegister::Gs, false, true));
    assert_eq!(outs.part(u64::MAX), 0xffff_ffff);
    assert_eq!(decode(&[0x67, 0x6e], CodeSize::Bits16).part(u64::MAX), 0xffff_ffff);
    assert_eq!(decode(&[0x67, 0x6e], CodeSize::Bits32).part(u64::MAX), 0xffff);
    assert_eq!(decode(&[0x26, 0x6d], CodeSize::Bits32).segment, SegmentRegister::Es);
    assert_eq!(decode(&[0x64, 0x6d], CodeSize::Bits32).segment, SegmentRegister::Es);
    assert_eq!(StringIo::decode(&[0x48, 0x6d], CodeSize::Bits32), None, "that is dec");
    assert_eq!(StringIo::decode(&[0x66; 15], CodeSize::Bits64), None);
    assert_eq!(StringIo::decode(&[0xec], CodeSize::Bits64), None);
}

#[test]
fn registers_of_each_width() {
    assert_eq!(decode(&[0x6c], CodeSize::Bits16).with_part(0x1234_ffff, 0x1_0000), 0x1234_0000);
    assert_eq!(decode(&[0x6c], CodeSize::Bits32).with_part(u64::MAX, 0x1_0000_0001), 1);
    assert_eq!(decode(&[0x6c], CodeSize::Bits64).with_part(5, u64::MAX), u64::MAX);
}

#[test]
fn a_step_ends_with_the_page() {
    let ins = decode(&[0xf3, 0x6d], CodeSize::Bits64);
    assert_eq!(ins.elements((0x1000, 0x1000), 4, 5000, false), 1024);
    assert_eq!(ins.elements((0x1ff8, 0x1ff8), 4, 5000, false), 2);
    assert_eq!(ins.elements((0x1ffe, 0x1ffe), 4, 5000, false), 1, "over the edge");
    assert_eq!(ins.elements((0x1008, 0x1008), 4, 5000, true), 3);
    assert_eq!(ins.elements((0x1000, 0x1000), 4, 7, false), 7);
    let short = decode(&[0xf3, 0x6d], CodeSize::Bits16);
    assert_eq!(short.elements((0xfffc, 0x1_0800), 4, 9, false), 1, "the offset wraps");
}

proptest! {
    #[test]
    fn a_step_stays_in_its_page(
        offset in any::<u64>(), linear in any::<u64>(), size in 0u32..3, count in 1u64.., down in any::<bool>()
    ) {
        let bytes = 1u64 << size;
        let ins = decode(&[0xf3, 0x6d], CodeSize::Bits64);
        let elements = ins.elements((offset, linear), bytes, count, down);
        prop_assert!(elements >= 1 && elements <= count);
        if elements > 1 {
            let from_page = linear % 4096;
            let span = (elements - 1) * bytes;
            let (first, last) = if down { (from_page.checked_sub(span), from_page) } else { (Some(from_page), from_page + span) };
            prop_assert!(first.is_some() && last + bytes <= 4096);
        }
    }

    #[test]
    fn any_bytes_decode_to_something_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        for size in [CodeSize::Bits16, CodeSize::Bits32, CodeSize::Bits64] {
            let _ = StringIo::decode(&bytes, size);
        }
    }
}
