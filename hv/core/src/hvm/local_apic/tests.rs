// SPDX-License-Identifier: MIT OR Apache-2.0
use proptest::prelude::*;

use super::interrupt_command::{Delivery, Destination};
use super::*;

const ENABLE: u64 = 0x1ff;
const SPURIOUS: u32 = 0x80f;
const X2APIC: u64 = 0xfee0_0c00;

/// In MSRs, and enabled.
fn x2apic(vcpu: u32) -> LocalApic {
    let mut apic = LocalApic::new(vcpu);
    assert_eq!(apic.set_base(X2APIC), Some(Effect::Timer));
    assert_eq!(apic.write_msr(SPURIOUS, ENABLE, 0), Some(Effect::Enabled));
    apic
}

/// In memory, and enabled.
fn xapic(vcpu: u32) -> LocalApic {
    let mut apic = LocalApic::new(vcpu);
    assert_eq!(apic.write_memory(0xf0, 0x1ff, 0), Effect::Enabled);
    apic
}

#[test]
fn after_power_up() {
    let mut apic = LocalApic::new(3);
    assert_eq!((apic.base().get(), LocalApic::new(0).base().get()), (0xfee0_0800, 0xfee0_0900));
    for (offset, value) in [
        (0x20, 6 << 24),
        (0x30, 0x5_0014),
        (0x80, 0),
        (0xd0, 0),
        (0xe0, u32::MAX),
        (0xf0, 0xff),
        (0x320, 0x1_0000),
        (0x370, 0x1_0000),
        (0x390, 0),
    ] {
        assert_eq!(apic.read_memory(offset, 0), value, "{offset:#x}");
    }
    assert!(!apic.accept(0x40), "not enabled by software");
}

#[test]
fn numbers_of_x2apic() {
    let apic = x2apic(9);
    assert_eq!(apic.read_msr(0x802, 0), Some(18));
    assert_eq!(apic.read_msr(0x80d, 0), Some(1 << 16 | 1 << 2));
}

#[test]
fn priorities() {
    let mut apic = x2apic(0);
    assert!(apic.accept(0x41) && apic.accept(0x52) && !apic.accept(0x41));
    assert_eq!(apic.next(), Next::Deliver(0x52));
    apic.acknowledge(0x52);
    assert_eq!((apic.next(), apic.read_msr(0x80a, 0)), (Next::Nothing, Some(0x50)));
    apic.accept(0x5f);
    assert_eq!(apic.next(), Next::Nothing, "the same class waits");
    apic.accept(0x60);
    assert_eq!(apic.next(), Next::Deliver(0x60));
    apic.acknowledge(0x60);
    assert_eq!(apic.read_msr(0x813, 0), Some(1));
    assert_eq!(apic.read_msr(0x812, 0), Some(1 << 18));
    for _ in 0..2 {
        assert_eq!(apic.write_msr(0x80b, 0, 0), Some(Effect::Done));
    }
    assert_eq!(apic.next(), Next::Deliver(0x5f));
    apic.write_msr(0x808, 0x50, 0).unwrap();
    assert_eq!(apic.next(), Next::Held);
    apic.set_task_priority_class(4);
    assert_eq!((apic.next(), apic.read_msr(0x808, 0)), (Next::Deliver(0x5f), Some(0x40)));
}

#[test]
fn the_low_bits_of_the_task_priority_stay_while_cr8_does() {
    let mut apic = x2apic(0);
    apic.write_msr(0x808, 0x35, 0).unwrap();
    apic.set_task_priority_class(3);
    assert_eq!(apic.read_msr(0x808, 0), Some(0x35));
}

#[test]
fn exceptions_vectors_are_errors() {
    let mut apic = x2apic(0);
    apic.write_msr(0x837, 0x33, 0).unwrap();
    assert_eq!(apic.write_msr(0x83f, 15, 0), Some(Effect::Done));
    assert_eq!(apic.next(), Next::Deliver(0x33));
    assert_eq!(apic.read_msr(0x828, 0), Some(0));
    apic.write_msr(0x828, 0, 0).unwrap();
    assert_eq!(apic.read_msr(0x828, 0), Some(1 << 5));
    apic.accept(3);
    apic.write_msr(0x828, 0, 0).unwrap();
    assert_eq!(apic.read_msr(0x828, 0), Some(1 << 6));
}

#[test]
fn an_error_interrupt_with_a_wrong_vector_ends() {
    let mut apic = x2apic(0);
    apic.write_msr(0x837, 3, 0).unwrap();
    apic.accept(7);
    apic.write_msr(0x828, 0, 0).unwrap();
    assert_eq!((apic.read_msr(0x828, 0), apic.next()), (Some(1 << 6), Next::Nothing));
}

#[test]
fn general_protection() {
    let mut apic = x2apic(0);
    for (msr, value) in [
        (0x802, 0),
        (0x803, 0),
        (0x80d, 0),
        (0x80e, 0),
        (0x831, 0),
        (0x808, 0x100),
        (0x808, 1 << 32),
        (0x80b, 1),
        (0x828, 1),
        (0x82f, 0),
        (0x830, 1 << 12),
        (0x832, 1 << 19),
        (0x83e, 4),
        (0x83f, 0x100),
        (0x840, 0),
        (0x7ff, 0),
        (0x8ff, 0),
    ] {
        assert_eq!(apic.write_msr(msr, value, 0), None, "{msr:#x} = {value:#x}");
    }
    for msr in [0x7ff, 0x80b, 0x80e, 0x82f, 0x831, 0x83f, 0x840] {
        assert_eq!(apic.read_msr(msr, 0), None, "{msr:#x}");
    }
    let mut apic = xapic(0);
    assert_eq!((apic.read_msr(0x802, 0), apic.write_msr(0x808, 0, 0)), (None, None));
}

#[test]
fn what_is_off_is_forgotten() {
    let mut apic = x2apic(0);
    apic.accept(0x40);
    assert_eq!(apic.set_base(0xfee0_0800), None, "not back at once");
    assert_eq!(apic.set_base(0xfee0_0000), Some(Effect::Timer));
    assert!(!apic.accept(0x41));
    assert_eq!(apic.set_base(0xfee0_0800), Some(Effect::Timer));
    assert_eq!((apic.read_memory(0x220, 0), apic.read_memory(0xf0, 0)), (0, 0xff));
}

#[test]
fn registers_stay_on_the_way_to_msrs() {
    let mut apic = xapic(1);
    apic.accept(0x40);
    apic.write_memory(0x80, 0x20, 0);
    apic.set_base(X2APIC).unwrap();
    assert_eq!((apic.read_msr(0x822, 0), apic.read_msr(0x808, 0)), (Some(1), Some(0x20)));
    assert_eq!(apic.read_memory(0x20, 0), 0, "nothing is in memory now");
}

#[test]
fn memory() {
    let mut apic = xapic(1);
    apic.write_memory(0xd0, 0x0255_5555, 0);
    apic.write_memory(0xe0, 0, 0);
    assert_eq!((apic.read_memory(0xd0, 0), apic.read_memory(0xe0, 0)), (0x0200_0000, 0x0fff_ffff));
    apic.write_memory(0x310, 0x0412_3456, 0);
    let sent = apic.write_memory(0x300, 0x1041, 0);
    let command =
        Command { delivery: Delivery::Fixed(0x41), destination: Destination::Physical(4) };
    assert_eq!(sent, Effect::Send(command));
    assert_eq!((apic.read_memory(0x300, 0), apic.read_memory(0x310, 0)), (0x41, 0x0400_0000));
    assert_eq!(apic.read_memory(0x24, 0), 0, "a gap");
    apic.write_memory(0x280, 0, 0);
    assert_eq!(apic.read_memory(0x280, 0), 0);
    apic.write_memory(0x3f0, 0x40, 0);
    apic.write_memory(0x280, 0, 0);
    assert_eq!(apic.read_memory(0x280, 0), 1 << 7);
}

#[test]
fn who_gets_a_message() {
    let mut flat = xapic(1);
    flat.write_memory(0xd0, 0x0200_0000, 0);
    let mut cluster = flat.clone();
    cluster.write_memory(0xd0, 0x3200_0000, 0);
    cluster.write_memory(0xe0, 0, 0);
    let extended = x2apic(1);
    for (destination, expected) in [
        (Destination::Itself, [false, false, false]),
        (Destination::All, [true, true, true]),
        (Destination::Others, [true, true, true]),
        (Destination::Physical(2), [true, true, true]),
        (Destination::Physical(3), [false, false, false]),
        (Destination::Physical(0xff), [true, true, false]),
        (Destination::Physical(u32::MAX), [false, false, true]),
        (Destination::Logical(0x06), [true, false, true]),
        (Destination::Logical(0x36), [true, true, true]),
        (Destination::Logical(0x26), [true, false, true]),
        (Destination::Logical(0x0001_0004), [false, false, false]),
        (Destination::Logical(u32::MAX), [true, false, true]),
    ] {
        let got = [&flat, &cluster, &extended].map(|apic| apic.is_meant(destination, false));
        assert_eq!(got, expected, "{destination:x?}");
    }
    assert!(flat.is_meant(Destination::Itself, true));
    assert!(!flat.is_meant(Destination::Others, true));
}

#[test]
fn the_timer() {
    let mut apic = x2apic(0);
    apic.write_msr(0x83e, 0b1011, 0).unwrap();
    apic.write_msr(0x832, 0x2_0050, 0).unwrap();
    assert_eq!(apic.write_msr(0x838, 100_000, 5), Some(Effect::Timer));
    assert_eq!(apic.timer_due(), Some(Due::Ns(1_000_005)));
    assert_eq!(apic.read_msr(0x839, 500_005), Some(50_000));
    assert!(apic.timer_fired(1_000_005));
    assert_eq!(apic.next(), Next::Deliver(0x50));
    apic.write_msr(0x832, 0x3_0050, 1_000_010).unwrap();
    apic.acknowledge(0x50);
    assert!(!apic.timer_fired(2_000_005), "masked");
    apic.write_msr(0x832, 0x4_0050, 0).unwrap();
    apic.set_tsc_deadline(77);
    assert_eq!((apic.timer_due(), apic.tsc_deadline()), (Some(Due::Tsc(77)), 77));
}

#[test]
fn disabled_by_software_it_masks_its_own() {
    let mut apic = x2apic(0);
    apic.write_msr(0x832, 0x50, 0).unwrap();
    apic.write_msr(SPURIOUS, 0xff, 0).unwrap();
    assert_eq!(apic.read_msr(0x832, 0), Some(0x1_0050));
    apic.write_msr(0x832, 0x50, 0).unwrap();
    assert_eq!(apic.read_msr(0x832, 0), Some(0x1_0050));
}

#[test]
fn init_keeps_the_base() {
    let mut apic = x2apic(1);
    apic.accept(0x40);
    apic.init();
    assert_eq!((apic.base().get(), apic.read_msr(0x80f, 0)), (X2APIC, Some(0xff)));
    assert_eq!((apic.read_msr(0x822, 0), apic.read_msr(0x80d, 0)), (Some(0), Some(4)));
}

#[derive(Clone, Debug)]
enum Step {
    Msr(u32, u64),
    Memory(u16, u32),
    Base(u64),
    Accept(u8),
    Deliver,
    Fire,
    Cr8(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0x800u32..0x840, prop_oneof![0u64..0x200, 0u64..]).prop_map(|(msr, v)| Step::Msr(msr, v)),
        (0u16..0x400, 0u32..).prop_map(|(offset, v)| Step::Memory(offset & !0xf, v)),
        prop_oneof![Just(0xfee0_0000), Just(0xfee0_0800), Just(X2APIC), 0u64..]
            .prop_map(Step::Base),
        (0u8..).prop_map(Step::Accept),
        Just(Step::Deliver),
        Just(Step::Fire),
        (0u8..16).prop_map(Step::Cr8),
    ]
}

proptest! {
    /// Whatever a guest does: only what was requested is delivered, never a vector of an exception,
    /// never below the processor's priority, and no register shows a bit that it does not have.
    #[test]
    fn any_steps(steps in proptest::collection::vec(step(), 0..200)) {
        let mut apic = LocalApic::new(1);
        for (at, step) in steps.into_iter().enumerate() {
            let now_ns = at as u64 * 1000;
            match step {
                Step::Msr(msr, value) => { let _ = apic.write_msr(msr, value, now_ns); }
                Step::Memory(offset, value) => { apic.write_memory(offset, value, now_ns); }
                Step::Base(value) => { let _ = apic.set_base(value); }
                Step::Accept(vector) => { apic.accept(vector); }
                Step::Deliver => if let Next::Deliver(vector) = apic.next() { apic.acknowledge(vector) },
                Step::Fire => { apic.timer_fired(now_ns); }
                Step::Cr8(class) => apic.set_task_priority_class(class),
            }
            if let Next::Deliver(vector) = apic.next() {
                prop_assert!(vector >= FIRST_VECTOR);
                prop_assert!(priority::class(vector) > priority::class(apic.processor_priority()));
                prop_assert!(apic.requested.word(vector / 32) >> (vector % 32) & 1 == 1);
            }
            for number in 0..lvt::COUNT {
                let allowed = lvt::WRITABLE[number];
                prop_assert_eq!(apic.local[number] & !allowed, 0);
                prop_assert!(apic.is_enabled() || apic.base().mode() != Mode::Off && apic.spurious & registers::SPURIOUS_ENABLED != 0 || apic.local[number] & lvt::MASKED != 0);
            }
            if let Some(Due::Ns(due)) = apic.timer_due() {
                prop_assert!(due > 0);
            }
        }
    }
}
