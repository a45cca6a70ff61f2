// SPDX-License-Identifier: MIT OR Apache-2.0
//! Accesses of a PVH guest to I/O ports, of which it has none.
use super::exit::Refused;
use super::exit_reason::PortExit;
use super::instruction::go_to;
use super::string_port;
use crate::vcpu::Vcpu;

/// What is read is all ones, what is written goes nowhere.
pub fn access(vcpu: &Vcpu, port: PortExit) -> Result<(), Refused> {
    if port.is_string {
        return string_port::access(vcpu, port);
    }
    if port.is_read {
        let rax = &vcpu.regs.rax;
        rax.set(match port.bytes {
            1 => rax.get() | 0xff,
            2 => rax.get() | 0xffff,
            _ => 0xffff_ffff,
        });
    }
    go_to(vcpu, port.next_rip);
    Ok(())
}
