// SPDX-License-Identifier: MIT OR Apache-2.0
//! String instructions of a PVH guest on ports, of which it has none: `ins` writes ones to memory,
//! `outs` reads memory for nobody. What is wrong with the memory is the guest's fault all the same.
use hv_core::hvm::paging::Access;
use hv_core::hvm::string_io::StringIo;

use super::exit::Refused;
use super::exit_reason::PortExit;
use super::instruction::{Fetched, fetch, go_to};
use super::memory;
use super::segment::{Fault, bounds};
use crate::run_cell::RunCell;
use crate::vcpu::Vcpu;

/// Takes one step, of at most a page: with more to do the guest executes the instruction again.
pub fn access(vcpu: &Vcpu, port: PortExit) -> Result<(), Refused> {
    const DIRECTION: u64 = 1 << 10;
    let block = vcpu.hvm.block();
    let Fetched { bytes, size } = fetch(vcpu);
    let decoded = StringIo::decode(&bytes, size).ok_or(Refused)?;
    let rcx = vcpu.regs.general(1);
    let index = if decoded.is_read { &vcpu.regs.rdi } else { &vcpu.regs.rsi };
    let count = if decoded.repeats { decoded.part(rcx.get()) } else { 1 };
    let down = vcpu.regs.rflags.get() & DIRECTION != 0;
    let mut elements = 0;
    if count > 0 {
        let size = u64::from(port.bytes);
        elements = match step(vcpu, decoded, decoded.part(index.get()), size, count, down) {
            Ok(elements) => elements,
            Err(fault) => return fault.deliver(block),
        };
        let distance = elements.wrapping_mul(size);
        let moved = if down { distance.wrapping_neg() } else { distance };
        add(&decoded, index, moved);
    }
    if decoded.repeats {
        add(&decoded, rcx, elements.wrapping_neg());
    }
    if elements == count {
        go_to(vcpu, port.next_rip);
    }
    Ok(())
}

fn add(decoded: &StringIo, register: &RunCell<u64>, difference: u64) {
    let old = register.get();
    register.set(decoded.with_part(old, old.wrapping_add(difference)));
}

/// Fills, or looks at, as many elements as one step takes; returns their number.
fn step(
    vcpu: &Vcpu,
    decoded: StringIo,
    offset: u64,
    size: u64,
    count: u64,
    down: bool,
) -> Result<u64, Fault> {
    let bounds = bounds(vcpu, decoded.segment);
    let refused = || Fault::of(decoded.segment);
    let linear = decoded.linear(&bounds, offset, size).ok_or_else(refused)?;
    let mut elements = decoded.elements((offset, linear), size, count, down);
    let span = elements.saturating_sub(1).wrapping_mul(size);
    let last = if down { offset.wrapping_sub(span) } else { offset.wrapping_add(span) };
    // A limit in between: one by one until the element that faults.
    if decoded.linear(&bounds, last, size).is_none() {
        elements = 1;
    }
    let bytes = elements.wrapping_mul(size);
    let start = if down { linear.wrapping_sub(bytes.wrapping_sub(size)) } else { linear };
    let access = if decoded.is_read { Access::Write } else { Access::Read };
    let ones = decoded.is_read.then_some(0xff);
    memory::visit(vcpu, start, bytes, access, ones)?;
    Ok(elements)
}
