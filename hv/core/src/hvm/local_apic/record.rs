// SPDX-License-Identifier: MIT OR Apache-2.0
//! A local APIC as the toolstack saves and restores it (`public/arch-x86/hvm/save.h`): two records,
//! one of which has the registers as they are in memory.
use xen_abi::hvm_save::{HvmLapic, HvmLapicRegs, LAPIC_HARDWARE_DISABLED, LAPIC_SOFTWARE_DISABLED};

use super::base::{Base, Mode};
use super::priority::Vectors;
use super::registers::{SPURIOUS_ENABLED, error, number};
use super::timer::{Timer, TimerMode};
use super::{FIRST_VECTOR, LocalApic, lvt, registers};
use crate::word::halves;

/// Registers that are not read as others are: what memory shows of them.
const COMMAND: [u8; 2] = [number::COMMAND, number::COMMAND_HIGH];

impl LocalApic {
    /// Its records at system time `now_ns`.
    #[must_use]
    pub fn save(&self, now_ns: u64) -> (HvmLapic, HvmLapicRegs) {
        let is_off = self.base().mode() == Mode::Off;
        let is_disabled = self.spurious & SPURIOUS_ENABLED == 0;
        let hidden = HvmLapic {
            apic_base_msr: self.base().get(),
            disabled: if is_off { LAPIC_HARDWARE_DISABLED } else { 0 }
                | if is_disabled { LAPIC_SOFTWARE_DISABLED } else { 0 },
            timer_divisor: self.timer.divisor(),
            tdt_msr: self.tsc_deadline(),
        };
        let mut record = HvmLapicRegs::default();
        for (number, place) in (0..).zip(&mut record.registers) {
            let [value, ..] = place;
            *value = self.saved_register(number, now_ns);
        }
        (hidden, record)
    }

    fn saved_register(&self, number: u8, now_ns: u64) -> u32 {
        let [low, high] = COMMAND;
        match number {
            number::FORMAT => self.format,
            _ if number == low => halves(self.command).0,
            _ if number == high => halves(self.command).1,
            _ => self.read(number, now_ns).unwrap_or(0),
        }
    }

    /// That of vCPU number `vcpu` as its records say. Its numbers are this hypervisor's, and a count
    /// of its timer begins anew at `now_ns`, as on Xen; `None` for a base register that cannot be.
    /// Reserved bits of others are left out.
    #[must_use]
    pub fn restored(
        vcpu: u32,
        hidden: &HvmLapic,
        record: &HvmLapicRegs,
        now_ns: u64,
    ) -> Option<Self> {
        let value =
            |number: u8| record.registers.get(usize::from(number)).map_or(0, |[value, ..]| *value);
        let bits = |number: u8| value(number) & registers::settable(number).unwrap_or(0);
        let vectors = |first: u8| Vectors::of(|word| value(first.saturating_add(word)));
        let [command_low, command_high] = COMMAND;
        let base = Base::of(hidden.apic_base_msr)?;
        // As MSRs it is not stored.
        let logical = if base.mode() == Mode::X2Apic { 0 } else { value(number::LOGICAL) };
        let mut apic = Self {
            base,
            requested: vectors(number::REQUESTED),
            in_service: vectors(number::IN_SERVICE),
            logical: logical & 0xff00_0000,
            format: value(number::FORMAT) | 0x0fff_ffff,
            spurious: bits(number::SPURIOUS),
            shown: value(number::ERROR_STATUS) & error::ALL,
            command: u64::from(value(command_high)) << 32 | u64::from(bits(command_low)),
            ..Self::new(vcpu)
        };
        let [task_priority, ..] = value(number::TASK_PRIORITY).to_le_bytes();
        apic.task_priority = task_priority;
        let masked = if apic.spurious & SPURIOUS_ENABLED == 0 { lvt::MASKED } else { 0 };
        for (number, entry) in (number::LOCAL..).zip(&mut apic.local) {
            *entry = bits(number) & !lvt::READ_ONLY | masked;
        }
        apic.timer = Timer::STOPPED;
        apic.timer.set_mode(TimerMode::of(value(number::LOCAL)), now_ns);
        apic.timer.set_divide(value(number::TIMER_DIVIDE), now_ns);
        apic.timer.set_initial(value(number::TIMER_INITIAL), now_ns);
        apic.timer.set_tsc_deadline(hidden.tdt_msr);
        Some(apic)
    }
}

impl Vectors {
    /// The set whose words `word` gives, by their number; exceptions are not among interrupts.
    fn of(word: impl Fn(u8) -> u32) -> Self {
        let mut set = Self::NONE;
        for vector in FIRST_VECTOR..=u8::MAX {
            if word(vector >> 5) >> (vector & 31) & 1 != 0 {
                set.insert(vector);
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::FromBytes;

    use super::*;

    const X2APIC: u64 = 0xfee0_0d00;

    fn busy() -> LocalApic {
        let mut apic = LocalApic::new(0);
        apic.set_base(X2APIC).unwrap();
        for (msr, value) in [
            (0x80f, 0x1ff),
            (0x808, 0x20),
            (0x830, 0x2_0000_00a1),
            (0x832, 1 << 17 | 0x40),
            (0x83e, 3),
            (0x838, 1000),
        ] {
            apic.write_msr(msr, value, 0).unwrap();
        }
        for vector in [0x30, 0x91, 0xff] {
            apic.accept(vector);
        }
        apic.acknowledge(0x91);
        apic
    }

    #[test]
    fn what_is_saved_is_restored() {
        let apic = busy();
        let (hidden, registers) = apic.save(0);
        assert_eq!(hidden.apic_base_msr, X2APIC);
        assert_eq!((hidden.disabled, hidden.timer_divisor, hidden.tdt_msr), (0, 16, 0));
        let at = |offset: usize| registers.registers[offset / 16][0];
        assert_eq!((at(0xf0), at(0x80), at(0x300), at(0x310)), (0x1ff, 0x20, 0xa1, 2));
        assert_eq!((at(0x140), at(0x210), at(0x270)), (1 << 17, 1 << 16, 1 << 31));
        assert_eq!((at(0x320), at(0x380), at(0x390), at(0x3e0)), (0x2_0040, 1000, 1000, 3));
        let restored = LocalApic::restored(0, &hidden, &registers, 0).unwrap();
        assert_eq!(restored, apic);
    }

    #[test]
    fn disabled_in_either_way() {
        let mut apic = LocalApic::new(0);
        assert_eq!(apic.save(0).0.disabled, LAPIC_SOFTWARE_DISABLED);
        apic.set_base(0xfee0_0100).unwrap();
        let both = LAPIC_HARDWARE_DISABLED | LAPIC_SOFTWARE_DISABLED;
        let (hidden, registers) = apic.save(0);
        assert_eq!(hidden.disabled, both);
        assert_eq!(LocalApic::restored(0, &hidden, &registers, 0), Some(apic));
    }

    #[test]
    fn bases_that_cannot_be() {
        let registers = HvmLapicRegs::default();
        for base in [0, 0xfed0_0800, 0xfee0_0400, 0xfee0_0801] {
            let hidden = HvmLapic { apic_base_msr: base, ..HvmLapic::default() };
            assert_eq!(LocalApic::restored(0, &hidden, &registers, 0), None, "{base:#x}");
        }
    }

    proptest! {
        /// Whatever the records say becomes a state that its own records give again.
        #[test]
        fn any_bytes(
            base in prop::sample::select(&[0xfee0_0100, 0xfee0_0900, X2APIC][..]),
            deadline: u64, bytes in prop::collection::vec(0u8.., 1024), now_ns in 0u64..1 << 60,
        ) {
            let hidden = HvmLapic { apic_base_msr: base, tdt_msr: deadline, ..HvmLapic::default() };
            let record = HvmLapicRegs::read_from_bytes(&bytes).unwrap();
            let apic = LocalApic::restored(0, &hidden, &record, now_ns).unwrap();
            let (hidden, record) = apic.save(now_ns);
            prop_assert_eq!(LocalApic::restored(0, &hidden, &record, now_ns), Some(apic));
        }
    }
}
