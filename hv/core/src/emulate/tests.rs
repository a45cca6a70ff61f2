// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Decoded, Instruction, PortAccess, StringAccess, decode};
use proptest::prelude::{any, prop_assert, proptest};

fn one(bytes: &[u8]) -> Option<Instruction> {
    let decoded = decode(bytes)?;
    assert_eq!(usize::from(decoded.length), bytes.len());
    Some(decoded.instruction)
}

fn port(is_write: bool, bytes: u8, port: Option<u8>) -> Option<Instruction> {
    Some(Instruction::Port(PortAccess { is_write, bytes, port, string: None }))
}

#[test]
fn ports() {
    assert_eq!(one(&[0xe4, 0x71]), port(false, 1, Some(0x71)));
    assert_eq!(one(&[0xe5, 0x71]), port(false, 4, Some(0x71)));
    assert_eq!(one(&[0x66, 0xe7, 0x80]), port(true, 2, Some(0x80)));
    assert_eq!(one(&[0xec]), port(false, 1, None));
    assert_eq!(one(&[0xef]), port(true, 4, None));
    assert_eq!(one(&[0x66, 0xef]), port(true, 2, None));
}

#[test]
fn strings() {
    let string = |repeat| Some(StringAccess { repeat, short_address: false });
    let access = PortAccess { is_write: true, bytes: 1, port: None, string: string(true) };
    assert_eq!(one(&[0xf3, 0x6e]), Some(Instruction::Port(access)));
    let access = PortAccess { is_write: false, bytes: 4, port: None, string: string(false) };
    assert_eq!(one(&[0x6d]), Some(Instruction::Port(access)));
    assert_eq!(decode(&[0x65, 0x6e]), None, "a segment base is not looked up");
}

#[test]
fn control_and_debug_registers() {
    let read = |number, register| Some(Instruction::ReadControl { number, register });
    assert_eq!(one(&[0x0f, 0x20, 0xc0]), read(0, 0));
    assert_eq!(one(&[0x0f, 0x20, 0xe3]), read(4, 3));
    assert_eq!(one(&[0x41, 0x0f, 0x20, 0xd7]), read(2, 15));
    assert_eq!(one(&[0x44, 0x0f, 0x20, 0xc0]), read(8, 0));
    assert_eq!(
        one(&[0x0f, 0x22, 0xd8]),
        Some(Instruction::WriteControl { number: 3, register: 0 })
    );
    assert_eq!(one(&[0x0f, 0x21, 0xf8]), Some(Instruction::ReadDebug { number: 7, register: 0 }));
    assert_eq!(one(&[0x0f, 0x23, 0xc1]), Some(Instruction::WriteDebug { number: 0, register: 1 }));
}

#[test]
fn others() {
    assert_eq!(one(&[0x0f, 0x06]), Some(Instruction::ClearTaskSwitched));
    assert_eq!(one(&[0x0f, 0x09]), Some(Instruction::FlushCache));
    assert_eq!(one(&[0x0f, 0x30]), Some(Instruction::WriteMsr));
    assert_eq!(one(&[0x0f, 0x32]), Some(Instruction::ReadMsr));
    assert_eq!(one(&[0x0f, 0x31]), Some(Instruction::ReadTsc));
    assert_eq!(one(&[0x0f, 0x01, 0xf9]), Some(Instruction::ReadTscp));
    assert_eq!(one(&[0x0f, 0xa2]), Some(Instruction::Cpuid));
    assert_eq!(one(&[0x0f, 0x01, 0xd1]), Some(Instruction::SetExtendedControl));
    assert_eq!(one(&[0xfa]), Some(Instruction::InterruptFlag));
    assert_eq!(one(&[0xcd, 0x80]), Some(Instruction::SoftwareInterrupt(0x80)));
}

#[test]
fn what_is_not_emulated() {
    // hlt, lgdt, invlpg, mov, lock in, an instruction that is cut off, nothing
    let others: [&[u8]; 8] = [
        &[0xf4],
        &[0x0f, 0x01, 0x10],
        &[0x0f, 0x01, 0x38],
        &[0x89, 0xc0],
        &[0xf0, 0xec],
        &[0xe4],
        &[0x0f],
        &[],
    ];
    for bytes in others {
        assert_eq!(decode(bytes), None, "{bytes:x?}");
    }
    assert_eq!(decode(&[0x66; 15]), None);
}

proptest! {
    #[test]
    fn never_longer_than_the_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        if let Some(Decoded { length, .. }) = decode(&bytes) {
            prop_assert!(usize::from(length) <= bytes.len().min(15));
        }
    }
}
