// SPDX-License-Identifier: MIT OR Apache-2.0
//! A guest's debug registers: breakpoints on its own addresses.
use xen_abi::errno::Errno;

use crate::arch::debug::{self, DR6_NONE, DR7_NONE};
use crate::guest_ptr::is_guest_range;
use crate::vcpu::Vcpu;

const DR7_RESERVED: u64 = 0xffff_ffff_0000_d800;
const DR7_GENERAL_DETECT: u64 = 1 << 13;
const DR7_ENABLED: u64 = 0xff;

/// The value of register `number`, 4 and 5 being 6 and 7; `ENODEV` if there is none.
pub fn read(vcpu: &Vcpu, number: u8) -> Result<u64, Errno> {
    let debug = vcpu.debug.get();
    match number {
        0..=3 => Ok(debug[usize::from(number)]),
        4 | 6 => Ok(debug[6] | DR6_NONE),
        5 | 7 => Ok(debug[7] | DR7_NONE),
        _ => Err(Errno::Enodev),
    }
}

/// Sets register `number` of the vCPU that runs; see [`set`].
pub fn write(vcpu: &Vcpu, number: u8, value: u64) -> Result<(), Errno> {
    set(vcpu, number, value)?;
    load(vcpu);
    Ok(())
}

/// Sets register `number` of a vCPU for when it next runs: `EPERM` for a breakpoint on the
/// hypervisor, or a value with reserved bits.
pub fn set(vcpu: &Vcpu, number: u8, value: u64) -> Result<(), Errno> {
    let mut debug = vcpu.debug.get();
    match number {
        0..=3 => {
            if !is_guest_range(value, 8) {
                return Err(Errno::Eperm);
            }
            debug[usize::from(number)] = value;
        }
        4 | 6 => debug[6] = value & 0xe00f,
        5 | 7 => {
            if value >> 32 != 0 || io_breakpoint(value) {
                return Err(Errno::Eperm);
            }
            debug[7] = value & !(DR7_RESERVED | DR7_GENERAL_DETECT);
        }
        _ => return Err(Errno::Enodev),
    }
    vcpu.debug.set(debug);
    Ok(())
}

/// Whether an enabled breakpoint of DR7 is on I/O, which would need CR4.DE to be understood.
fn io_breakpoint(dr7: u64) -> bool {
    (0..4).any(|n| dr7 >> (n * 2) & 3 != 0 && dr7 >> (16 + n * 4) & 3 == 2)
}

/// Sets register `number` of a PVH vCPU; `None` for a value with bits in the upper half where there
/// are none.
pub fn write_hvm(vcpu: &Vcpu, number: u8, value: u64) -> Option<()> {
    if number >= 4 && value >> 32 != 0 {
        return None;
    }
    let block = vcpu.hvm.block();
    let [dr6, dr7] = block.debug();
    match number {
        0..=3 => vcpu.debug.update(|mut debug| {
            debug[usize::from(number)] = value;
            debug
        }),
        4 | 6 => block.set_debug([value & 0xe00f | DR6_NONE, dr7]),
        _ => {
            block.set_debug([dr6, value & !DR7_RESERVED | DR7_NONE]);
            vcpu.debug.update(|mut debug| {
                debug[7] = value;
                debug
            });
        }
    }
    if is_used(vcpu) {
        load_addresses(vcpu);
    }
    Some(())
}

/// Sets DR0 to DR3, DR6 and DR7 of a PVH vCPU that does not run; reserved bits are as they must be.
pub fn set_hvm(vcpu: &Vcpu, [dr0, dr1, dr2, dr3, dr6, dr7]: [u64; 6]) {
    vcpu.debug.set([dr0, dr1, dr2, dr3, 0, 0, 0, dr7]);
    let values = [dr6 & 0xe00f | DR6_NONE, dr7 & !DR7_RESERVED | DR7_NONE];
    vcpu.hvm.block().set_debug(values);
}

/// Loads the addresses of a PVH vCPU's breakpoints; its DR7 holds while it runs.
pub fn load_addresses(vcpu: &Vcpu) {
    let [dr0, dr1, dr2, dr3, ..] = vcpu.debug.get();
    debug::load([dr0, dr1, dr2, dr3], DR7_NONE);
}

/// Loads the registers of the vCPU that starts to run, if it uses them.
pub fn load(vcpu: &Vcpu) {
    let debug = vcpu.debug.get();
    let [dr0, dr1, dr2, dr3, ..] = debug;
    debug::load([dr0, dr1, dr2, dr3], debug[7] | DR7_NONE);
}

/// Turns the breakpoints of the vCPU that stops running off.
pub fn unload(vcpu: &Vcpu) {
    if is_used(vcpu) {
        debug::load([0; 4], DR7_NONE);
    }
}

/// Whether the vCPU has a breakpoint.
pub fn is_used(vcpu: &Vcpu) -> bool {
    vcpu.debug.get()[7] & DR7_ENABLED != 0
}
