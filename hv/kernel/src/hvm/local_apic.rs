// SPDX-License-Identifier: MIT OR Apache-2.0
//! The local APIC of a PVH guest: its registers as MSRs and in memory, its timer, and messages
//! between vCPUs, over `hv_core::hvm::local_apic`.
use hv_core::hvm::local_apic::base::PAGE;
use hv_core::hvm::local_apic::interrupt_command::{Command, Delivery};
use hv_core::hvm::local_apic::mov::{Access, Mov, decode};
use hv_core::hvm::local_apic::timer::Due;
use hv_core::hvm::local_apic::{Effect, LocalApic, Next};
use hv_core::instruction_bytes::CodeSize;
use hv_core::table_write::{self, TableWrite};
use hv_core::word::low_half;

use super::exit::Refused;
use super::instruction::{Fetched, advance, fetch};
use super::{events, startup};
use crate::arch::tsc;
use crate::schedule::{self, Timer};
use crate::time;
use crate::vcpu::Vcpu;

/// Works on the local APIC of a vCPU; its task priority is also a register of the processor, CR8.
pub fn with<T>(vcpu: &Vcpu, f: impl FnOnce(&mut LocalApic) -> T) -> T {
    let block = vcpu.hvm.block();
    let mut apic = vcpu.hvm.local_apic.lock();
    apic.set_task_priority_class(block.task_priority());
    let result = f(&mut apic);
    block.set_task_priority(apic.task_priority_class());
    result
}

/// Gives a vCPU the local APIC of a saved one.
pub fn set(vcpu: &Vcpu, restored: &LocalApic) {
    with(vcpu, |apic| apic.clone_from(restored));
    program_timer(vcpu);
}

/// Reads `IA32_APIC_BASE`.
pub fn base(vcpu: &Vcpu) -> u64 {
    vcpu.hvm.local_apic.lock().base().get()
}

/// Writes `IA32_APIC_BASE`; `None` is the guest's #GP.
pub fn set_base(vcpu: &Vcpu, value: u64) -> Option<()> {
    let effect = with(vcpu, |apic| apic.set_base(value))?;
    act(vcpu, effect);
    Some(())
}

/// Reads `IA32_TSC_DEADLINE`.
pub fn tsc_deadline(vcpu: &Vcpu) -> u64 {
    vcpu.hvm.local_apic.lock().tsc_deadline()
}

/// Writes `IA32_TSC_DEADLINE`.
pub fn set_tsc_deadline(vcpu: &Vcpu, value: u64) {
    vcpu.hvm.local_apic.lock().set_tsc_deadline(value);
    program_timer(vcpu);
}

/// Reads a register that is an MSR; `None` is the guest's #GP.
pub fn read_msr(vcpu: &Vcpu, msr: u32) -> Option<u64> {
    with(vcpu, |apic| apic.read_msr(msr, time::now_ns()))
}

/// Writes a register that is an MSR; `None` is the guest's #GP.
pub fn write_msr(vcpu: &Vcpu, msr: u32, value: u64) -> Option<()> {
    let effect = with(vcpu, |apic| apic.write_msr(msr, value, time::now_ns()))?;
    act(vcpu, effect);
    Some(())
}

/// Executes an access to the registers' page, if `address` is in it and nothing else is there. Other
/// instructions than a `mov` of 32 bits, and what PV guests write page tables with, are refused.
pub fn access_memory(vcpu: &Vcpu, address: u64) -> Result<(), Refused> {
    let offset = address.checked_sub(PAGE).filter(|offset| *offset < 4096).ok_or(Refused)?;
    let offset = u16::try_from(offset).map_err(|_| Refused)?;
    let Fetched { bytes, size } = fetch(vcpu);
    let Some(Mov { access, length }) = decode(&bytes, size) else {
        return change_memory(vcpu, offset, &bytes, size);
    };
    let now_ns = time::now_ns();
    let value = match access {
        Access::Read(register) => {
            let value = with(vcpu, |apic| apic.read_memory(offset, now_ns));
            vcpu.regs.general(register).set(u64::from(value));
            advance(vcpu, length);
            return Ok(());
        }
        Access::Write(register) => low_half(vcpu.regs.general(register).get()),
        Access::WriteConstant(value) => value,
    };
    let effect = with(vcpu, |apic| apic.write_memory(offset, value, now_ns));
    act(vcpu, effect);
    advance(vcpu, length);
    Ok(())
}

/// Executes an instruction of 64-bit code that reads a register and writes it.
fn change_memory(vcpu: &Vcpu, offset: u16, bytes: &[u8], size: CodeSize) -> Result<(), Refused> {
    let is_word = |change: &TableWrite| size == CodeSize::Bits64 && change.bytes == 4;
    let change = table_write::decode(bytes).filter(is_word).ok_or(Refused)?;
    let now_ns = time::now_ns();
    let old = with(vcpu, |apic| apic.read_memory(offset, now_ns));
    let regs = &vcpu.regs;
    let source = change.source(|number| regs.general(number).get());
    let changed = change.apply(old.into(), 0, source, regs.rax.get(), regs.rflags.get());
    let changed = changed.ok_or(Refused)?;
    let value = low_half(changed.entry);
    let effect = with(vcpu, |apic| apic.write_memory(offset, value, now_ns));
    act(vcpu, effect);
    if let Some((number, value)) = changed.register {
        regs.general(number).set(value);
    }
    regs.rflags.set(changed.rflags);
    advance(vcpu, change.length);
    Ok(())
}

/// Gives a vCPU an interrupt, and wakes it if it can take that one.
pub fn accept(vcpu: &Vcpu, vector: u8) {
    let next = with(vcpu, |apic| {
        apic.accept(vector);
        apic.next()
    });
    if let Next::Deliver(_) = next {
        schedule::wake(vcpu);
    }
}

/// The timer has fired.
pub fn timer_fired(vcpu: &Vcpu) {
    let next = with(vcpu, |apic| {
        apic.timer_fired(time::now_ns());
        apic.next()
    });
    if let Next::Deliver(_) = next {
        schedule::wake(vcpu);
    }
    program_timer(vcpu);
}

/// An INIT message has come.
pub fn init(vcpu: &Vcpu) {
    with(vcpu, LocalApic::init);
    program_timer(vcpu);
}

fn act(vcpu: &Vcpu, effect: Effect) {
    match effect {
        Effect::Done => {}
        Effect::Timer => program_timer(vcpu),
        Effect::Enabled => events::remind(vcpu),
        Effect::Send(command) => send(vcpu, command),
    }
}

/// Sets the hypervisor's timer for what the guest's waits for.
fn program_timer(vcpu: &Vcpu) {
    let due = vcpu.hvm.local_apic.lock().timer_due();
    let deadline_ns = due.map(|due| match due {
        Due::Ns(deadline_ns) => deadline_ns,
        Due::Tsc(value) => {
            // Beyond this lies no time that anybody waits for, and the clock counts no farther.
            const FARTHEST: u64 = 1 << 62;
            let now = tsc::read();
            let left = value.saturating_sub(now.wrapping_add(vcpu.hvm.tsc_offset.get()));
            time::of_tsc(now.wrapping_add(left.min(FARTHEST)))
        }
    });
    schedule::set_timer(vcpu, Timer::LocalApic, deadline_ns);
}

/// Delivers a message of `sender`.
fn send(sender: &Vcpu, command: Command) {
    let targets = || {
        sender.domain().vcpus().filter(|vcpu| {
            let apic = vcpu.hvm.local_apic.lock();
            apic.is_meant(command.destination, vcpu.id == sender.id)
        })
    };
    match command.delivery {
        Delivery::Fixed(vector) => targets().for_each(|vcpu| accept(vcpu, vector)),
        Delivery::LowestPriority(vector) => {
            let enabled = targets().filter(|vcpu| vcpu.hvm.local_apic.lock().is_enabled());
            let lowest = enabled.min_by_key(|vcpu| with(vcpu, |apic| apic.processor_priority()));
            if let Some(vcpu) = lowest {
                accept(vcpu, vector);
            }
        }
        Delivery::Nmi => targets().for_each(startup::interrupt),
        Delivery::Init => targets().for_each(|vcpu| startup::init(sender, vcpu)),
        Delivery::Startup(page) => targets().for_each(|vcpu| startup::start(vcpu, page)),
    }
}
