// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtual CPU's state as the toolstack hands it over (`XEN_DOMCTL_sethvmcontext`).
use xen_abi::errno::Errno;
use xen_abi::hvm_save::{
    HvmCpu, RecordHeader, SAVE_MAGIC, SaveHeader, TYPE_CPU, TYPE_END, TYPE_HEADER,
};
use zerocopy::FromBytes;

use super::control::efer;
use super::paging::{CR0_PE, CR0_PG, EFER_LMA};

/// Most bytes of records that are looked at: a page has room for all that is known here.
pub const MAX_BYTES: usize = 4096;

/// Finds the state of vcpu 0 in records.
///
/// # Errors
/// `EINVAL` where the records do not begin with the header, are cut short, do not end, hold no
/// vcpu or one that does not exist, or a state that cannot be.
pub fn cpu_of(records: &[u8]) -> Result<HvmCpu, Errno> {
    let mut rest = records;
    let header: SaveHeader = take(&mut rest, TYPE_HEADER)?.ok_or(Errno::Einval)?;
    if header.magic != SAVE_MAGIC {
        return Err(Errno::Einval);
    }
    let mut cpu = None;
    loop {
        let (next, behind) = RecordHeader::read_from_prefix(rest).map_err(|_| Errno::Einval)?;
        match next.typecode {
            TYPE_END => break,
            TYPE_CPU => cpu = take(&mut rest, TYPE_CPU)?,
            // Others are of devices that there are none of.
            _ => {
                let length = usize::try_from(next.length).map_err(|_| Errno::Einval)?;
                rest = behind.get(length..).ok_or(Errno::Einval)?;
            }
        }
    }
    let cpu = cpu.ok_or(Errno::Einval)?;
    if is_possible(&cpu) { Ok(cpu) } else { Err(Errno::Einval) }
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

/// Whether a processor can be in this state; what is wrong beyond this ends the domain when it is
/// entered.
fn is_possible(cpu: &HvmCpu) -> bool {
    let paging = cpu.cr0 & CR0_PG == 0 || cpu.cr0 & CR0_PE != 0;
    let long = cpu.msr_efer & EFER_LMA == 0 || cpu.cr0 & CR0_PG != 0;
    let efer = efer(cpu.msr_efer, cpu.msr_efer, 0).is_some();
    cpu.cr0 >> 32 == 0 && cpu.cr4 >> 32 == 0 && paging && long && efer
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use zerocopy::IntoBytes;

    use super::*;

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

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = cpu_of(&bytes);
        }
    }
}
