// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state in which another virtual CPU of a PVH domain begins: as its guest asks by `vcpu_op`
//! (`public/hvm/hvm_vcpu.h`, with the checks of Xen), or after a message of a local APIC.
use xen_abi::errno::Errno;
use xen_abi::frame::VirtAddr;
use xen_abi::hvm_save::HvmCpu;
use xen_abi::hvm_vcpu::{VcpuHvm32, VcpuHvm64, VcpuHvmContext, VcpuHvmMode};
use zerocopy::FromBytes;

use super::context::is_possible;
use super::control::{EFER_LME, efer};
use super::paging::{CR0_PG, CR4_PAE, EFER_LMA};

/// Bits of a segment's attributes (Intel SDM volume 3, figure 3-8).
mod attribute {
    /// The segment has been used; of a task, it is busy: bit 1.
    pub(super) const ACCESSED: u16 = 1 << 0;
    /// Data may be written, code may be read.
    pub(super) const WRITABLE: u16 = 1 << 1;
    pub(super) const CODE: u16 = 1 << 3;
    /// Code or data, not a segment of the system.
    pub(super) const MEMORY: u16 = 1 << 4;
    pub(super) const PRESENT: u16 = 1 << 7;
    /// The limit counts pages.
    pub(super) const PAGES: u16 = 1 << 11;
    /// What there is.
    pub(super) const ALL: u16 = 0xfff;
}

/// The place of cs, ds, ss, es, tr in the order of [`xen_abi::hvm_save`].
const SAVED: [usize; 5] = [0, 1, 5, 2, 6];

/// The state that a guest asks for; `cr4_allowed` are the bits of CR4 that it may set.
///
/// # Errors
/// `EINVAL` for anything that no processor can be in.
pub fn state_of(context: &VcpuHvmContext, cr4_allowed: u64) -> Result<HvmCpu, Errno> {
    if context._pad != 0 {
        return Err(Errno::Einval);
    }
    let registers = &context.registers[..];
    let mut cpu = match VcpuHvmMode::try_from(context.mode).map_err(|_| Errno::Einval)? {
        VcpuHvmMode::Bits32 => {
            of_32_bit(&VcpuHvm32::read_from_bytes(registers).map_err(|_| Errno::Einval)?)?
        }
        VcpuHvmMode::Bits64 => {
            let (registers, _) =
                VcpuHvm64::read_from_prefix(registers).map_err(|_| Errno::Einval)?;
            of_64_bit(&registers)?
        }
    };
    if cpu.msr_efer & EFER_LMA != 0 && cpu.msr_efer & EFER_LME == 0
        || efer(cpu.msr_efer, cpu.msr_efer, 0).is_none()
        || cpu.cr4 & !cr4_allowed != 0
    {
        return Err(Errno::Einval);
    }
    let is_long = cpu.msr_efer & EFER_LME != 0 && cpu.cr0 & CR0_PG != 0;
    cpu.msr_efer = cpu.msr_efer & !EFER_LMA | if is_long { EFER_LMA } else { 0 };
    if is_possible(&cpu) { Ok(cpu) } else { Err(Errno::Einval) }
}

fn of_64_bit(from: &VcpuHvm64) -> Result<HvmCpu, Errno> {
    const FLAT_CODE: u32 = 0xa9b;
    const FLAT_DATA: u32 = 0xc93;
    const TASK: u32 = 0x8b;
    let is_canonical = VirtAddr::new(from.rip).is_canonical();
    let is_long = from.cr0 & CR0_PG != 0 && from.cr4 & CR4_PAE != 0 && from.efer & EFER_LME != 0;
    if !is_canonical || !is_long {
        return Err(Errno::Einval);
    }
    let mut cpu = HvmCpu {
        rip: from.rip,
        rflags: from.rflags,
        cr0: from.cr0,
        cr3: from.cr3,
        cr4: from.cr4,
        msr_efer: from.efer,
        ..at_reset()
    };
    set_registers(&mut cpu, from.registers);
    let segments = [FLAT_CODE, FLAT_DATA, FLAT_DATA, FLAT_DATA, TASK];
    for (at, attributes) in SAVED.into_iter().zip(segments) {
        let limit = if attributes == TASK { 0x67 } else { u32::MAX };
        set_segment(&mut cpu, at, 0, limit, attributes);
    }
    Ok(cpu)
}

fn of_32_bit(from: &VcpuHvm32) -> Result<HvmCpu, Errno> {
    if from._pad1 != 0 || from._pad2 != [0; 3] {
        return Err(Errno::Einval);
    }
    let mut attributes = from.attributes;
    for (segment, attributes) in attributes.iter_mut().enumerate() {
        *attributes = checked(segment, *attributes).ok_or(Errno::Einval)?;
    }
    let [cs, ds, ss, es, _] = attributes;
    let [cs_limit, ..] = from.limits;
    let pages = cs_limit.wrapping_shl(12) | 0xfff;
    let last = if cs & attribute::PAGES != 0 { pages } else { cs_limit };
    let privilege = |attributes: u16| attributes >> 5 & 3;
    let is_too_private =
        |data: u16| data & attribute::PRESENT != 0 && privilege(data) > privilege(cs);
    if from.eip > last || privilege(ss) != privilege(cs) || is_too_private(ds) || is_too_private(es)
    {
        return Err(Errno::Einval);
    }
    let mut cpu = HvmCpu {
        rip: from.eip.into(),
        rflags: from.eflags.into(),
        cr0: from.cr0.into(),
        cr3: from.cr3.into(),
        cr4: from.cr4.into(),
        msr_efer: from.efer,
        ..at_reset()
    };
    set_registers(&mut cpu, from.registers.map(u64::from));
    let parts = from.bases.into_iter().zip(from.limits).zip(attributes);
    for (at, ((base, limit), attributes)) in SAVED.into_iter().zip(parts) {
        set_segment(&mut cpu, at, base.into(), limit, attributes.into());
    }
    Ok(cpu)
}

/// The attributes of segment number `segment` as the processor has them, accessed or busy; `None`
/// where they are not those of such a segment.
fn checked(segment: usize, attributes: u16) -> Option<u16> {
    use attribute::{ACCESSED, ALL, CODE, MEMORY, PRESENT, WRITABLE};
    const CS: usize = 0;
    const SS: usize = 2;
    const TR: usize = 4;
    const BUSY_TASK: u16 = 0xb;
    let is_data = !matches!(segment, CS | SS | TR);
    if attributes == 0 {
        return is_data.then_some(0);
    }
    if attributes & !ALL != 0 || attributes & PRESENT == 0 {
        return None;
    }
    if segment == TR {
        let busy = attributes | WRITABLE;
        return (busy & (MEMORY | 0xf) == BUSY_TASK).then_some(busy);
    }
    let is_code = attributes & CODE != 0;
    let is_writable = attributes & WRITABLE != 0;
    let fits = match segment {
        CS => is_code,
        SS => !is_code && is_writable,
        _ => !is_code || is_writable,
    };
    (attributes & MEMORY != 0 && fits).then_some(attributes | ACCESSED)
}

/// The state after the message that starts a processor in real mode at `page` (Intel SDM volume 3,
/// table 9-1 and 8.4.3).
#[must_use]
pub fn started_at(page: u8) -> HvmCpu {
    const CODE: u32 = 0x9b;
    const DATA: u32 = 0x93;
    const TASK: u32 = 0x8b;
    const LAST: u32 = 0xffff;
    let mut cpu = HvmCpu { rflags: 2, cr0: 0x10, ..at_reset() };
    for (at, attributes) in SAVED.into_iter().zip([CODE, DATA, DATA, DATA, TASK]) {
        set_segment(&mut cpu, at, 0, LAST, attributes);
    }
    let [cs, ..] = &mut cpu.selectors;
    *cs = u32::from(page).wrapping_shl(8);
    let [base, ..] = &mut cpu.bases;
    *base = u64::from(page).wrapping_shl(12);
    cpu
}

/// What no guest can ask for.
fn at_reset() -> HvmCpu {
    const FS: usize = 3;
    const GS: usize = 4;
    const LDTR: usize = 7;
    const DATA: u32 = 0x93;
    const LOCAL_TABLE: u32 = 0x82;
    const LAST: u32 = 0xffff;
    let mut cpu = HvmCpu {
        gdtr_limit: LAST,
        idtr_limit: LAST,
        debug: [0, 0, 0, 0, 0xffff_0ff0, 0x400],
        ..HvmCpu::default()
    };
    for (at, attributes) in [(FS, DATA), (GS, DATA), (LDTR, LOCAL_TABLE)] {
        set_segment(&mut cpu, at, 0, LAST, attributes);
    }
    cpu
}

/// Sets eight registers, which are in the order of the instruction encoding.
fn set_registers(cpu: &mut HvmCpu, [ax, cx, dx, bx, sp, bp, si, di]: [u64; 8]) {
    let values = [ax, bx, cx, dx, bp, si, di, sp];
    cpu.registers.iter_mut().zip(values).for_each(|(to, from)| *to = from);
}

fn set_segment(cpu: &mut HvmCpu, at: usize, base: u64, limit: u32, attributes: u32) {
    if let (Some(to_base), Some(to_limit), Some(to_attributes)) =
        (cpu.bases.get_mut(at), cpu.limits.get_mut(at), cpu.attributes.get_mut(at))
    {
        (*to_base, *to_limit, *to_attributes) = (base, limit, attributes);
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    const ALLOWED: u64 = 0x7fc;

    fn context_32(registers: &VcpuHvm32) -> VcpuHvmContext {
        VcpuHvmContext {
            mode: VcpuHvmMode::Bits32.raw(),
            _pad: 0,
            registers: registers.as_bytes().try_into().unwrap(),
        }
    }

    fn context_64(registers: &VcpuHvm64) -> VcpuHvmContext {
        let mut context =
            VcpuHvmContext { mode: VcpuHvmMode::Bits64.raw(), ..VcpuHvmContext::default() };
        context.registers[..112].copy_from_slice(registers.as_bytes());
        context
    }

    /// Flat protected mode without paging.
    fn flat() -> VcpuHvm32 {
        VcpuHvm32 {
            registers: [1, 2, 3, 4, 5, 6, 7, 8],
            eip: 0x10_0000,
            cr0: 0x11,
            limits: [u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0x67],
            attributes: [0xc9a, 0xc92, 0xc92, 0, 0x89],
            ..VcpuHvm32::default()
        }
    }

    fn long() -> VcpuHvm64 {
        VcpuHvm64 {
            rip: 0x10_0000,
            cr0: 0x8000_0011,
            cr4: 1 << 5,
            efer: EFER_LME,
            ..VcpuHvm64::default()
        }
    }

    fn of_32(change: impl Fn(&mut VcpuHvm32)) -> Result<HvmCpu, Errno> {
        let mut registers = flat();
        change(&mut registers);
        state_of(&context_32(&registers), ALLOWED)
    }

    fn of_64(change: impl Fn(&mut VcpuHvm64)) -> Result<HvmCpu, Errno> {
        let mut registers = long();
        change(&mut registers);
        state_of(&context_64(&registers), ALLOWED)
    }

    #[test]
    fn both_modes() {
        let cpu = of_32(|_| {}).unwrap();
        assert_eq!(cpu.registers[..8], [1, 4, 2, 3, 6, 7, 8, 5]);
        assert_eq!(cpu.attributes, [0xc9b, 0xc93, 0, 0x93, 0x93, 0xc93, 0x8b, 0x82]);
        assert_eq!((cpu.rip, cpu.limits[6], cpu.debug[5]), (0x10_0000, 0x67, 0x400));
        let cpu = of_64(|registers| registers.registers[4] = 0x7000).unwrap();
        assert_eq!((cpu.registers[7], cpu.msr_efer), (0x7000, EFER_LME | EFER_LMA));
        assert_eq!(cpu.attributes[0], 0xa9b);
    }

    #[test]
    fn refused_64() {
        type Change = fn(&mut VcpuHvm64);
        let wrong: [Change; 7] = [
            |r| r.rip = 1 << 47,
            |r| r.cr0 = 0x11,
            |r| r.cr0 = 0x8000_0010,
            |r| r.cr4 = 0,
            |r| r.cr4 |= 1 << 13,
            |r| r.efer = 0,
            |r| r.efer |= 1 << 12,
        ];
        for (at, change) in wrong.into_iter().enumerate() {
            assert_eq!(of_64(change), Err(Errno::Einval), "{at}");
        }
    }

    #[test]
    fn refused_32() {
        type Change = fn(&mut VcpuHvm32);
        let wrong: [Change; 19] = [
            |r| r._pad1 = 1,
            |r| r._pad2[2] = 1,
            |r| r.attributes[0] = 0,
            |r| r.attributes[0] = 0xc92,
            |r| r.attributes[0] = 0x1c9a,
            |r| r.attributes[0] = 0xc1a,
            |r| r.attributes[1] = 0xc98,
            |r| r.attributes[1] = 0xc82,
            |r| r.attributes[1] = 0xcf2,
            |r| r.attributes[2] = 0,
            |r| r.attributes[2] = 0xc90,
            |r| r.attributes[2] = 0xcf2,
            |r| r.attributes[3] = 0xcf2,
            |r| r.attributes[4] = 0x82,
            |r| r.attributes[4] = 0x9b,
            |r| (r.limits[0], r.attributes[0]) = (0xfffff, 0x49a),
            |r| r.efer = EFER_LMA,
            |r| r.cr4 = 1 << 13,
            |r| r.cr0 = 1 << 31,
        ];
        for (at, change) in wrong.into_iter().enumerate() {
            assert_eq!(of_32(change), Err(Errno::Einval), "{at}");
        }
    }

    #[test]
    fn unknown_modes() {
        let context = context_64(&long());
        assert_eq!(state_of(&VcpuHvmContext { mode: 2, ..context }, ALLOWED), Err(Errno::Einval));
        assert_eq!(state_of(&VcpuHvmContext { _pad: 1, ..context }, ALLOWED), Err(Errno::Einval));
    }

    #[test]
    fn real_mode() {
        let cpu = started_at(0x9a);
        assert_eq!((cpu.selectors[0], cpu.bases[0], cpu.rip), (0x9a00, 0x9_a000, 0));
        assert!(is_possible(&cpu));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(mode in 0u32..3, bytes in proptest::array::uniform32(0u8..)) {
            let mut context = VcpuHvmContext { mode, ..VcpuHvmContext::default() };
            for (to, from) in context.registers.iter_mut().zip(bytes.iter().cycle()) {
                *to = *from;
            }
            if let Ok(cpu) = state_of(&context, ALLOWED) {
                assert!(is_possible(&cpu));
            }
        }
    }
}
