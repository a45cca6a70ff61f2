// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use proptest::prelude::*;

fn decoded(bytes: &[u8]) -> (Operation, Source, u8) {
    let write = decode(bytes).unwrap();
    assert_eq!(usize::from(write.length), bytes.len());
    (write.operation, write.source, write.bytes)
}

#[test]
fn what_linux_uses() {
    use Operation::*;
    let register = Source::Register;
    // mov %rbp,(%rbx); movq $0,(%rdi); mov %r12,0x10(%r13); mov %rax,0x12345678(%rip)
    assert_eq!(decoded(&[0x48, 0x89, 0x2b]), (Store, register(5), 8));
    assert_eq!(decoded(&[0x48, 0xc7, 0x07, 0, 0, 0, 0]), (Store, Source::Immediate(0), 8));
    assert_eq!(decoded(&[0x4d, 0x89, 0x65, 0x10]), (Store, register(12), 8));
    assert_eq!(decoded(&[0x48, 0x89, 0x05, 0x78, 0x56, 0x34, 0x12]), (Store, register(0), 8));
    // xchg %rax,(%rdi,%rcx,8); lock cmpxchg %rdx,(%rsi)
    assert_eq!(decoded(&[0x48, 0x87, 0x04, 0xcf]), (Exchange, register(0), 8));
    assert_eq!(decoded(&[0xf0, 0x48, 0x0f, 0xb1, 0x16]), (CompareExchange, register(2), 8));
    // lock andb $0xfd,(%rax); lock btr $5,(%rdi) with 64 bits; lock btsq %rax,(%rbx)
    let all_but_1 = Source::Immediate(u64::MAX - 2);
    assert_eq!(decoded(&[0xf0, 0x80, 0x20, 0xfd]), (And, all_but_1, 1));
    assert_eq!(decoded(&[0xf0, 0x48, 0x0f, 0xba, 0x37, 5]), (BitReset, Source::Immediate(5), 8));
    assert_eq!(decoded(&[0xf0, 0x48, 0x0f, 0xab, 0x03]), (BitSet, register(0), 8));
}

#[test]
fn what_is_no_write_to_memory_is_refused() {
    for bytes in [
        [0x48, 0x89, 0xd8, 0x90].as_slice(), // mov %rbx,%rax
        &[0x48, 0x8b, 0x03],                 // mov (%rbx),%rax
        &[0x88, 0x23],                       // mov %ah,(%rbx)
        &[0x48, 0x83, 0x2b, 1],              // sub $1,(%rbx)
        &[0x48, 0x89],                       // not whole
        &[0xf0; 15],
        &[],
    ] {
        assert_eq!(decode(bytes), None, "{bytes:x?}");
    }
}

fn apply(operation: Operation, bytes: u8, entry: u64, offset: u8, source: u64, rax: u64) -> Effect {
    let write = TableWrite { operation, source: Source::Register(3), bytes, length: 3 };
    write.apply(entry, offset, source, rax, 0x202).unwrap()
}

#[test]
fn effects() {
    use Operation::*;
    let store = apply(Store, 4, 0x1111_2222_3333_4444, 4, 0xaaaa_bbbb, 0);
    assert_eq!((store.entry, store.register), (0xaaaa_bbbb_3333_4444, None));
    let exchange = apply(Exchange, 8, 5, 0, 7, 0);
    assert_eq!((exchange.entry, exchange.register), (7, Some((3, 5))));
    let equal = apply(CompareExchange, 8, 5, 0, 7, 5);
    assert_eq!((equal.entry, equal.register, equal.rflags & ZF), (7, None, ZF));
    let other = apply(CompareExchange, 8, 5, 0, 7, 6);
    assert_eq!((other.entry, other.register, other.rflags & ZF), (5, Some((0, 5)), 0));
    let and = apply(And, 1, 0xff67, 0, 0xfd, 0);
    assert_eq!((and.entry, and.rflags & ZF), (0xff65, 0));
    let reset = apply(BitReset, 8, 0x67, 0, 5, 0);
    assert_eq!((reset.entry, reset.rflags & CF), (0x47, CF));
    let set = apply(BitSet, 8, 0x47, 0, 5, 0);
    assert_eq!((set.entry, set.rflags & CF), (0x67, 0));
}

#[test]
fn operands_stay_in_the_entry() {
    let write = TableWrite {
        operation: Operation::Store,
        source: Source::Immediate(0),
        bytes: 4,
        length: 3,
    };
    assert!(write.apply(0, 4, 0, 0, 0).is_some());
    assert_eq!(write.apply(0, 5, 0, 0, 0), None);
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Some(write) = decode(&bytes) {
            prop_assert!(usize::from(write.length) <= bytes.len().min(15));
            for offset in 0..=8 {
                let _ = write.apply(u64::MAX, offset, 1 << 40, 3, 2);
            }
        }
    }
}
