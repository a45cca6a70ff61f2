// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use super::*;

const BITS: u32 = 40;

fn cpu_of(records: &[u8]) -> Result<HvmCpu, Errno> {
    read(records, BITS, 0).map(|state| state.cpu)
}

fn record(typecode: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let header = RecordHeader { typecode, instance: 0, length };
    [header.as_bytes(), body].concat()
}

fn records(cpu: &HvmCpu) -> Vec<u8> {
    let header = SaveHeader { magic: SAVE_MAGIC, ..SaveHeader::default() };
    let parts = [
        record(TYPE_HEADER, header.as_bytes()),
        record(9, &[1, 2, 3]),
        record(TYPE_CPU, cpu.as_bytes()),
        record(TYPE_END, &[]),
    ];
    parts.concat()
}

#[test]
fn the_vcpu_is_found() {
    let cpu = HvmCpu { rip: 0x10_0000, cr0: 0x11, ..HvmCpu::default() };
    assert_eq!(cpu_of(&records(&cpu)), Ok(cpu));
}

#[test]
fn every_cut_is_an_error() {
    let whole = records(&HvmCpu::default());
    for end in 0..whole.len() {
        assert_eq!(cpu_of(&whole[..end]), Err(Errno::Einval), "{end}");
    }
}

#[test]
fn states_that_cannot_be() {
    for wrong in [
        HvmCpu { cr0: 1 << 31, ..HvmCpu::default() },
        HvmCpu { cr4: 1 << 32, ..HvmCpu::default() },
        HvmCpu { msr_efer: 1 << 12, ..HvmCpu::default() },
        HvmCpu { msr_efer: 1 << 10, ..HvmCpu::default() },
    ] {
        assert_eq!(cpu_of(&records(&wrong)), Err(Errno::Einval));
    }
}

impl Source for State {
    fn registers(&self) -> Option<HvmCpu> {
        Some(self.cpu)
    }

    fn local_apic(&self) -> LocalApic {
        self.local_apic.clone().unwrap()
    }

    fn memory_types(&self) -> (u64, Mtrr) {
        self.memory_types.unwrap()
    }
}

#[test]
fn what_is_written_is_read() {
    let mtrr = Mtrr { default_type: mtrr::ON_WRITE_BACK, ..Mtrr::default() };
    let mut apic = LocalApic::new(0);
    apic.set_base(0xfee0_0d00).unwrap();
    apic.write_msr(0x80f, 0x1ff, 0).unwrap();
    apic.accept(0x55);
    let state = State {
        cpu: HvmCpu { rip: 7, cr0: 0x11, ..HvmCpu::default() },
        local_apic: Some(apic),
        memory_types: Some((0x0406, mtrr)),
    };
    let mut records = Vec::new();
    let put = |part: &[u8]| {
        records.extend_from_slice(part);
        Ok::<(), Errno>(())
    };
    write(&SaveHeader::default(), || [&state].into_iter(), 0, put).unwrap();
    assert_eq!(records.len(), bytes(1));
    assert!(records.len() <= MAX_BYTES);
    assert_eq!(read(&records, BITS, 0), Ok(state));
}

#[test]
fn a_local_apic_has_two_records() {
    let apic = HvmLapic { apic_base_msr: 0xfee0_0900, ..HvmLapic::default() };
    let registers = HvmLapicRegs::default();
    let [apic, registers] =
        [record(TYPE_LAPIC, apic.as_bytes()), record(TYPE_LAPIC_REGS, registers.as_bytes())];
    let with = |parts: &[&[u8]]| {
        let whole = records(&HvmCpu::default());
        let end = record(TYPE_END, &[]);
        read(&[&whole[..whole.len() - end.len()], &parts.concat(), &end].concat(), BITS, 0)
    };
    assert!(with(&[&apic, &registers]).unwrap().local_apic.is_some());
    assert_eq!(with(&[&apic]), Err(Errno::Einval));
    assert_eq!(with(&[&registers]), Err(Errno::Einval));
    let off = record(TYPE_LAPIC, HvmLapic::default().as_bytes());
    assert_eq!(with(&[&off, &registers]), Err(Errno::Einval), "its page is elsewhere");
}

#[test]
fn memory_types_that_do_not_exist() {
    let wrong = |record: HvmMtrr| {
        let cpu = record_of(&record);
        assert_eq!(read(&cpu, BITS, 0), Err(Errno::Einval));
    };
    wrong(HvmMtrr { msr_pat_cr: 2, ..HvmMtrr::default() });
    wrong(HvmMtrr { msr_mtrr_def_type: 7, ..HvmMtrr::default() });
    wrong(HvmMtrr { msr_mtrr_var: [2; 16], ..HvmMtrr::default() });
}

fn record_of(mtrr: &HvmMtrr) -> Vec<u8> {
    let header = SaveHeader { magic: SAVE_MAGIC, ..SaveHeader::default() };
    let parts = [
        record(TYPE_HEADER, header.as_bytes()),
        record(TYPE_CPU, HvmCpu::default().as_bytes()),
        record(TYPE_MTRR, mtrr.as_bytes()),
        record(TYPE_END, &[]),
    ];
    parts.concat()
}

proptest::proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(0u8.., 0..200)) {
        let _ = read(&bytes, BITS, 0);
    }
}
