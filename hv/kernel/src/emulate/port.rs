// SPDX-License-Identifier: MIT OR Apache-2.0
//! `in` and `out`: to the hardware for a domain that may use the port; for others a bus with
//! nothing on it. The address port of PCI configuration space is each domain's own.
use core::sync::atomic::Ordering;

use hv_core::emulate::{PortAccess, StringAccess};
use hv_core::pci::config_write;
use hv_core::word::low_half;

use super::{After, Refused};
use crate::arch::pci::{self, Function};
use crate::arch::port::{in8, in16, in32, out8, out16, out32};
use crate::guest_ptr::GuestPtr;
use crate::msi::tables;
use crate::vcpu::Vcpu;

const DIRECTION: u64 = 1 << 10;

/// Whether the virtual I/O privilege level lets the present mode use ports: 1 is enough for the
/// kernel, unless it asked for levels as on bare hardware, where it counts as ring 0.
pub fn has_io_privilege(vcpu: &Vcpu) -> bool {
    let needed = if vcpu.in_kernel.get() { 1 } else { 3 };
    vcpu.iopl.get() >= needed
}

/// Executes one access, or one step of a repeated one.
pub fn execute(vcpu: &Vcpu, access: PortAccess) -> Result<After, Refused> {
    if !has_io_privilege(vcpu) {
        return Err(Refused);
    }
    let [low, high, ..] = vcpu.regs.rdx.get().to_le_bytes();
    let port = access.port.map_or(u16::from_le_bytes([low, high]), u16::from);
    if let Some(string) = access.string {
        return step(vcpu, access, string, port);
    }
    let rax = &vcpu.regs.rax;
    if access.is_write {
        write(vcpu, port, access.bytes, low_half(rax.get()));
        return Ok(After::Advance);
    }
    let value = u64::from(read(vcpu, port, access.bytes));
    let kept = match access.bytes {
        1 => !0xff,
        2 => !0xffff,
        _ => 0,
    };
    rax.set(rax.get() & kept | value);
    Ok(After::Advance)
}

/// One step of `ins` or `outs`.
fn step(
    vcpu: &Vcpu,
    access: PortAccess,
    string: StringAccess,
    port: u16,
) -> Result<After, Refused> {
    let regs = &vcpu.regs;
    let mask = if string.short_address { 0xffff_ffff } else { u64::MAX };
    if string.repeat && regs.rcx.get() & mask == 0 {
        return Ok(After::Advance);
    }
    let index = if access.is_write { &regs.rsi } else { &regs.rdi };
    let at = GuestPtr::<u8>::new(index.get() & mask);
    let mut bytes = [0; 4];
    let part = &mut bytes[..usize::from(access.bytes)];
    if access.is_write {
        at.read_slice(part).map_err(|_| Refused)?;
        write(vcpu, port, access.bytes, u32::from_le_bytes(bytes));
    } else {
        let value = read(vcpu, port, access.bytes).to_le_bytes();
        at.write_slice(&value[..usize::from(access.bytes)]).map_err(|_| Refused)?;
    }
    let distance = u64::from(access.bytes);
    let distance =
        if regs.rflags.get() & DIRECTION != 0 { distance.wrapping_neg() } else { distance };
    index.set(index.get().wrapping_add(distance) & mask);
    if !string.repeat {
        return Ok(After::Advance);
    }
    regs.rcx.set(regs.rcx.get().wrapping_sub(1) & mask);
    Ok(After::Again)
}

/// Where an access of a domain goes.
enum Target {
    /// The address of a register of configuration space.
    PciAddress,
    /// Configuration space: the function, and the first byte.
    Pci(Function, u8),
    /// The hardware's port.
    Port,
    /// Nowhere.
    Nothing,
}

fn target(vcpu: &Vcpu, port: u16, bytes: u8) -> Target {
    const PCI_END: u16 = pci::DATA + 4;
    let domain = vcpu.domain();
    let end = port.saturating_add(u16::from(bytes));
    match port {
        pci::ADDRESS if bytes == 4 => Target::PciAddress,
        _ if !domain.io.lock().allows_ports(port, u16::from(bytes)) => Target::Nothing,
        // An access to the data ports, all within them; the first ones by bytes do other things.
        pci::DATA..PCI_END if end <= PCI_END => {
            let selected = Function::selected_by(domain.pci_address.load(Ordering::Relaxed));
            let [offset, _] = (port - pci::DATA).to_le_bytes();
            selected.map_or(Target::Nothing, |(function, register)| {
                Target::Pci(function, register | offset)
            })
        }
        _ if port < PCI_END && end > pci::ADDRESS && bytes > 1 => Target::Nothing,
        _ => Target::Port,
    }
}

fn write(vcpu: &Vcpu, port: u16, bytes: u8, value: u32) {
    let value = match target(vcpu, port, bytes) {
        Target::PciAddress => {
            return vcpu.domain().pci_address.store(value, Ordering::Relaxed);
        }
        Target::Pci(function, register) => {
            let write = config_write::Write { register, bytes, value };
            let Some(value) = tables::allowed_write(function, write) else { return };
            function.select(register);
            value
        }
        Target::Port => value,
        Target::Nothing => return,
    };
    let [low, high, ..] = value.to_le_bytes();
    match bytes {
        1 => out8(port, low),
        2 => out16(port, u16::from_le_bytes([low, high])),
        _ => out32(port, value),
    }
}

fn read(vcpu: &Vcpu, port: u16, bytes: u8) -> u32 {
    match target(vcpu, port, bytes) {
        Target::PciAddress => return vcpu.domain().pci_address.load(Ordering::Relaxed),
        Target::Pci(function, register) => function.select(register),
        Target::Port => {}
        Target::Nothing => {
            return match bytes {
                1 => 0xff,
                2 => 0xffff,
                _ => u32::MAX,
            };
        }
    }
    match bytes {
        1 => u32::from(in8(port)),
        2 => u32::from(in16(port)),
        _ => in32(port),
    }
}
