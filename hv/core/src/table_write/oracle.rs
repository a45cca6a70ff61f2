// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties against other people's work: instructions against iced's decoder, effects against
//! arithmetic in more bits.
use super::*;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use proptest::prelude::*;
use std::{vec, vec::Vec};

fn prefix() -> impl Strategy<Value = u8> {
    prop::sample::select(&[0x66, 0xf0, 0x3e, 0x65, 0x48, 0x40, 0x44, 0x4f][..])
}

fn opcode() -> impl Strategy<Value = Vec<u8>> {
    let one = [0x88, 0x89, 0x86, 0x87, 0x20, 0x21, 0x08, 0x09, 0xc6, 0xc7, 0x80, 0x81, 0x83];
    let two = [0xb0, 0xb1, 0xab, 0xb3, 0xba];
    let one = one.map(|opcode| vec![opcode]);
    let two = two.map(|opcode| vec![0x0f, opcode]);
    prop::sample::select([&one[..], &two[..]].concat())
}

/// Instructions of the list and their neighbours, and what comes behind them.
fn instruction() -> impl Strategy<Value = Vec<u8>> {
    let prefixes = prop::collection::vec(prefix(), 0..3);
    let rest = prop::collection::vec(any::<u8>(), 11);
    (prefixes, opcode(), rest).prop_map(|(a, b, c)| [a, b, c].concat())
}

/// What iced says, if the instruction is in the list.
fn expected(instruction: &Instruction) -> Option<TableWrite> {
    let operation = match instruction.mnemonic() {
        Mnemonic::Mov => Operation::Store,
        Mnemonic::Xchg => Operation::Exchange,
        Mnemonic::Cmpxchg => Operation::CompareExchange,
        Mnemonic::And => Operation::And,
        Mnemonic::Or => Operation::Or,
        Mnemonic::Bts => Operation::BitSet,
        Mnemonic::Btr => Operation::BitReset,
        _ => return None,
    };
    if instruction.op0_kind() != OpKind::Memory {
        return None;
    }
    let source = if instruction.op1_kind() == OpKind::Register {
        let register = instruction.op1_register();
        let number = u8::try_from(register.full_register().number()).unwrap();
        // ah, ch, dh, bh are numbered 4 to 7 among the registers of a byte.
        if register.size() == 1
            && (4..8).contains(&(register as u32 - iced_x86::Register::AL as u32))
        {
            return None;
        }
        Source::Register(number)
    } else {
        Source::Immediate(instruction.immediate(1))
    };
    let bytes = u8::try_from(instruction.memory_size().size()).unwrap();
    Some(TableWrite { operation, source, bytes, length: u8::try_from(instruction.len()).unwrap() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn instructions_are_what_iced_takes_them_for(bytes in instruction()) {
        let options = DecoderOptions::NONE;
        let instruction = Decoder::new(64, &bytes, options).decode();
        let ours = decode(&bytes);
        if instruction.is_invalid() {
            // Such as a lock on a store: the processor has refused it before there was a fault.
            return Ok(());
        }
        let mut theirs = expected(&instruction);
        if let (Some(theirs), Some(ours)) = (&mut theirs, ours)
            && let (Source::Immediate(a), Source::Immediate(b)) = (theirs.source, ours.source)
        {
            // Only the operand's bits count, and of the number of a bit even fewer.
            let bits = 8 * u32::from(ours.bytes);
            let is_number = matches!(ours.operation, Operation::BitSet | Operation::BitReset);
            let mask = if is_number { u64::from(bits) - 1 } else { u64::MAX >> (64 - bits) };
            prop_assert_eq!(a & mask, b & mask);
            theirs.source = ours.source;
        }
        prop_assert_eq!(ours, theirs, "{:02x?} is {:?}", bytes, instruction);
    }

    #[test]
    fn comparing_sets_the_flags_of_a_subtraction(
        entry: u64, near in -2i64..3, rax: u64, close: bool, size in 0u32..4, rflags: u64,
    ) {
        let bits = 8 << size;
        let mask = u64::MAX >> (64 - bits);
        let rax = if close { entry.wrapping_add_signed(near) } else { rax };
        let write = TableWrite {
            operation: Operation::CompareExchange,
            source: Source::Register(3),
            bytes: 1 << size,
            length: 4,
        };
        let effect = write.apply(entry, 0, 77, rax, rflags).unwrap();
        let (left, right) = (rax & mask, entry & mask);
        let signed = |value: u64| i128::from(((value << (64 - bits)) as i64) >> (64 - bits));
        let difference = signed(left) - signed(right);
        let low = left.wrapping_sub(right) & mask;
        let flag = |bit: u64, set: bool| if set { bit } else { 0 };
        let flags = flag(CF, left < right)
            | flag(ZF, left == right)
            | flag(AF, left & 15 < right & 15)
            | flag(SF, signed(low) < 0)
            | flag(OF, signed(low) != difference)
            | flag(PF, (low & 0xff).count_ones().is_multiple_of(2));
        let all = CF | PF | AF | ZF | SF | OF;
        prop_assert_eq!(effect.rflags, rflags & !all | flags);
        let stored = if left == right { entry & !mask | 77 & mask } else { entry };
        prop_assert_eq!(effect.entry, stored);
    }

    #[test]
    fn only_the_operand_changes(
        entry: u64, offset in 0u8..8, size in 0u32..4, source: u64, rax: u64,
        operation in prop::sample::select(&[
            Operation::Store, Operation::Exchange, Operation::CompareExchange, Operation::And,
            Operation::Or, Operation::BitSet, Operation::BitReset,
        ][..]),
    ) {
        let bytes = 1u8 << size;
        let write = TableWrite { operation, source: Source::Register(3), bytes, length: 4 };
        let effect = write.apply(entry, offset, source, rax, 2);
        prop_assert_eq!(effect.is_some(), offset + bytes <= 8);
        if let Some(effect) = effect {
            let mask = (u64::MAX >> (64 - 8 * u32::from(bytes))) << (8 * u32::from(offset));
            prop_assert_eq!(effect.entry & !mask, entry & !mask);
            // Twice is as good as once, but for an exchange.
            let again = write.apply(effect.entry, offset, source, rax, 2).unwrap();
            let settles = operation != Operation::CompareExchange;
            prop_assert!(!settles || again.entry == effect.entry);
        }
    }
}
