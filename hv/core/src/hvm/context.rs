// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual CPU's state as the toolstack hands it over and gets it (`XEN_DOMCTL_sethvmcontext`,
//! `XEN_DOMCTL_gethvmcontext`).
#[cfg(test)]
mod tests;

use xen_abi::errno::Errno;
use xen_abi::hvm_save::{
    HvmCpu, HvmLapic, HvmLapicRegs, HvmMtrr, RecordHeader, SAVE_MAGIC, SAVE_VERSION, SaveHeader,
    TYPE_CPU, TYPE_END, TYPE_HEADER, TYPE_LAPIC, TYPE_LAPIC_REGS, TYPE_MTRR,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::control::efer;
use super::local_apic::LocalApic;
use super::msr::is_pat;
use super::mtrr::{self, Mtrr, Register};
use super::paging::{CR0_PE, CR0_PG, EFER_LMA};

/// Most bytes of records that are looked at: a page has room for all that is known here.
pub const MAX_BYTES: usize = 4096;

/// Bytes of all records of a domain with so many vcpus.
#[must_use]
pub fn bytes(vcpus: usize) -> usize {
    const EACH: usize = 4 * size_of::<RecordHeader>()
        + size_of::<HvmCpu>()
        + size_of::<HvmLapic>()
        + size_of::<HvmLapicRegs>()
        + size_of::<HvmMtrr>();
    const ENDS: usize = 2 * size_of::<RecordHeader>() + size_of::<SaveHeader>();
    vcpus.saturating_mul(EACH).saturating_add(ENDS)
}

/// What is known of a virtual CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its registers.
    pub cpu: HvmCpu,
    /// Its local APIC, if the records have it.
    pub local_apic: Option<LocalApic>,
    /// Its page attributes and memory type range registers, if the records have them.
    pub memory_types: Option<(u64, Mtrr)>,
}

/// Finds the state of vcpu 0 in records, on a processor with so many bits of physical address, at
/// system time `now_ns`.
///
/// # Errors
/// `EINVAL` where the records do not begin with the header, are cut short, do not end, hold no
/// vcpu or one that does not exist, one of the two records of a local APIC, or a state that cannot
/// be.
pub fn read(records: &[u8], address_bits: u32, now_ns: u64) -> Result<State, Errno> {
    let mut rest = records;
    let header: SaveHeader = take(&mut rest, TYPE_HEADER)?.ok_or(Errno::Einval)?;
    if header.magic != SAVE_MAGIC {
        return Err(Errno::Einval);
    }
    let (mut cpu, mut memory_types) = (None, None);
    let (mut apic, mut apic_registers) = (None, None);
    loop {
        let (next, behind) = RecordHeader::read_from_prefix(rest).map_err(|_| Errno::Einval)?;
        match next.typecode {
            TYPE_END => break,
            TYPE_CPU => cpu = take(&mut rest, TYPE_CPU)?,
            TYPE_LAPIC => apic = take(&mut rest, TYPE_LAPIC)?,
            TYPE_LAPIC_REGS => apic_registers = take(&mut rest, TYPE_LAPIC_REGS)?,
            TYPE_MTRR => memory_types = take(&mut rest, TYPE_MTRR)?,
            // Others are of devices that there are none of.
            _ => {
                let length = usize::try_from(next.length).map_err(|_| Errno::Einval)?;
                rest = behind.get(length..).ok_or(Errno::Einval)?;
            }
        }
    }
    let cpu = cpu.filter(is_possible).ok_or(Errno::Einval)?;
    let memory_types = memory_types
        .map(|record| self::memory_types(&record, address_bits).ok_or(Errno::Einval))
        .transpose()?;
    let local_apic = match (apic, apic_registers) {
        (None, None) => None,
        (Some(apic), Some(registers)) => {
            Some(LocalApic::restored(0, &apic, &registers, now_ns).ok_or(Errno::Einval)?)
        }
        _ => return Err(Errno::Einval),
    };
    Ok(State { cpu, local_apic, memory_types })
}

/// The first record, which must be whole; `None` if it is of another type.
fn take<T: FromBytes>(rest: &mut &[u8], typecode: u16) -> Result<Option<T>, Errno> {
    let (header, behind) = RecordHeader::read_from_prefix(rest).map_err(|_| Errno::Einval)?;
    if header.typecode != typecode {
        return Ok(None);
    }
    let length = usize::try_from(header.length).map_err(|_| Errno::Einval)?;
    let bytes = behind.get(..length).ok_or(Errno::Einval)?;
    if header.instance != 0 {
        return Err(Errno::Einval);
    }
    *rest = behind.get(length..).ok_or(Errno::Einval)?;
    T::read_from_bytes(bytes).map(Some).map_err(|_| Errno::Einval)
}

/// The registers of a record; `None` where one has a value that it cannot have.
fn memory_types(record: &HvmMtrr, address_bits: u32) -> Option<(u64, Mtrr)> {
    let variable = (0..).map(Register::Variable).zip(record.msr_mtrr_var);
    let fixed = (0..).map(Register::Fixed).zip(record.msr_mtrr_fixed);
    let all = variable.chain(fixed).chain([(Register::DefaultType, record.msr_mtrr_def_type)]);
    let mut mtrr = Mtrr::default();
    for (register, value) in all {
        mtrr = mtrr.written(register, value, address_bits)?;
    }
    is_pat(record.msr_pat_cr).then_some((record.msr_pat_cr, mtrr))
}

/// What the records of a vcpu are made of.
pub trait Source {
    /// Its registers; `None` of one that is down.
    fn registers(&self) -> Option<HvmCpu>;

    /// Its local APIC.
    fn local_apic(&self) -> LocalApic;

    /// Its page attributes and memory type range registers.
    fn memory_types(&self) -> (u64, Mtrr);
}

/// Gives the records of a domain's vcpus at system time `now_ns` to `put`, part by part: the
/// registers of each, none of one that is down, then the local APIC of each, its registers, and the
/// page attributes and memory type range registers.
///
/// # Errors
/// What `put` said.
pub fn write<'a, E, S: Source + 'a, I: Iterator<Item = &'a S>>(
    header: &SaveHeader,
    vcpus: impl Fn() -> I,
    now_ns: u64,
    mut put: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let header = SaveHeader { magic: SAVE_MAGIC, version: SAVE_VERSION, ..*header };
    put_record(TYPE_HEADER, 0, &header, &mut put)?;
    for (instance, vcpu) in (0..).zip(vcpus()) {
        if let Some(cpu) = vcpu.registers() {
            put_record(TYPE_CPU, instance, &cpu, &mut put)?;
        }
    }
    for (instance, vcpu) in (0..).zip(vcpus()) {
        put_record(TYPE_LAPIC, instance, &vcpu.local_apic().save(now_ns).0, &mut put)?;
    }
    for (instance, vcpu) in (0..).zip(vcpus()) {
        put_record(TYPE_LAPIC_REGS, instance, &vcpu.local_apic().save(now_ns).1, &mut put)?;
    }
    for (instance, vcpu) in (0..).zip(vcpus()) {
        let (msr_pat_cr, mtrr) = vcpu.memory_types();
        let record = HvmMtrr {
            msr_pat_cr,
            msr_mtrr_var: mtrr.variable,
            msr_mtrr_fixed: mtrr.fixed,
            msr_mtrr_cap: mtrr::CAPABILITY,
            msr_mtrr_def_type: mtrr.default_type,
        };
        put_record(TYPE_MTRR, instance, &record, &mut put)?;
    }
    put_record(TYPE_END, 0, &[0u8; 0], &mut put)
}

fn put_record<T: IntoBytes + Immutable, E>(
    typecode: u16,
    instance: u16,
    body: &T,
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let length = u32::try_from(size_of::<T>()).unwrap_or(u32::MAX);
    put(RecordHeader { typecode, instance, length }.as_bytes())?;
    put(body.as_bytes())
}

/// Whether a processor can be in this state; what is wrong beyond this ends the domain when it is
/// entered.
pub(super) fn is_possible(cpu: &HvmCpu) -> bool {
    let paging = cpu.cr0 & CR0_PG == 0 || cpu.cr0 & CR0_PE != 0;
    let long = cpu.msr_efer & EFER_LMA == 0 || cpu.cr0 & CR0_PG != 0;
    let efer = efer(cpu.msr_efer, cpu.msr_efer, 0).is_some();
    cpu.cr0 >> 32 == 0 && cpu.cr4 >> 32 == 0 && paging && long && efer
}
