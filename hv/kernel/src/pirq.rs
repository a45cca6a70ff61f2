// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical interrupts of devices that the first domain drives: from a line or a message to a
//! vector, and from the vector to an event.
//!
//! A pirq is the number by which a domain names an interrupt. For a line it is the line's number;
//! messages get numbers above the lines. An edge (and a message) is acknowledged at once; a level
//! is masked until the domain has served the device and says so (`PHYSDEVOP_eoi`).
use heapless::Vec;
use spin::Mutex;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::EvtchnPort;

use crate::arch::ioapic::{self, Trigger};
use crate::arch::{lapic, serial};
use crate::domain::{self, Domain};
use crate::events;
use crate::msi::Message;

/// Vectors for devices: between the exceptions and the hypervisor's own.
const FIRST_VECTOR: u8 = 0x30;
const MAX_PIRQS: u32 = 64;
/// Numbers below this one are lines.
const LINES: u32 = 24;
/// One above the highest pirq of a domain.
const NR_PIRQS: u32 = LINES + MAX_PIRQS;

/// Where an interrupt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A line of the I/O APIC.
    Line {
        /// Its number.
        line: u8,
        /// How it signals.
        trigger: Trigger,
    },
    /// A message of a PCI device.
    Message(Message),
}

impl Source {
    fn is_level(&self) -> bool {
        matches!(self, Self::Line { trigger, .. } if trigger.level)
    }

    fn set_masked(&self, masked: bool) {
        match self {
            Self::Line { line, .. } => ioapic::set_masked(*line, masked),
            Self::Message(message) => message.set_masked(masked),
        }
    }

    fn route(&self, vector: u8) {
        match self {
            Self::Line { line, trigger } => ioapic::route(*line, vector, *trigger),
            Self::Message(message) => message.route(vector),
        }
    }
}

struct Pirq {
    domain: DomId,
    number: u32,
    vector: u8,
    source: Source,
    port: Option<EvtchnPort>,
    /// A level was signalled and not served yet.
    awaits_eoi: bool,
}

static PIRQS: Mutex<Vec<Pirq, { MAX_PIRQS as usize }>> = Mutex::new(Vec::new());

/// How lines signal that the first domain has told of.
static TRIGGERS: Mutex<[Option<Trigger>; LINES as usize]> = Mutex::new([None; LINES as usize]);

/// Notes how a line signals (`PHYSDEVOP_setup_gsi`). `EINVAL` if there is no such line.
pub fn set_trigger(line: u32, trigger: Trigger) -> Result<(), Errno> {
    let index = usize::try_from(line).map_err(|_| Errno::Einval)?;
    *TRIGGERS.lock().get_mut(index).ok_or(Errno::Einval)? = Some(trigger);
    Ok(())
}

/// Makes a pirq of a line, or returns the one there is. Lines of the ISA bus signal by edges
/// unless the domain has said otherwise, or else the firmware.
pub fn map_line(domain: &Domain, line: u32) -> Result<u32, Errno> {
    const ISA_LINES: u32 = 16;
    let number = u8::try_from(line).ok().filter(|_| line < LINES).ok_or(Errno::Einval)?;
    if number == ioapic::isa_line(serial::IRQ).0 {
        return Err(Errno::Ebusy);
    }
    let told = TRIGGERS.lock().get(usize::from(number)).copied().flatten();
    let is_pci = line >= ISA_LINES;
    let usual = Trigger { level: is_pci, active_low: is_pci };
    let trigger = told.or_else(|| ioapic::told_trigger(line)).unwrap_or(usual);
    map(domain, line, Source::Line { line: number, trigger })
}

/// Makes a pirq of a message, with the lowest number that is free.
pub fn map_message(domain: &Domain, message: Message) -> Result<u32, Errno> {
    let number = {
        let pirqs = PIRQS.lock();
        let is_free = |number: &u32| pirqs.iter().all(|pirq| pirq.number != *number);
        (LINES..NR_PIRQS).find(is_free).ok_or(Errno::Enospc)?
    };
    map(domain, number, Source::Message(message))
}

fn map(domain: &Domain, number: u32, source: Source) -> Result<u32, Errno> {
    let mut pirqs = PIRQS.lock();
    if let Some(same) = pirqs.iter().find(|pirq| pirq.number == number) {
        let own = same.domain == domain.id && same.source == source;
        return if own { Ok(number) } else { Err(Errno::Ebusy) };
    }
    let is_free = |vector: &u8| pirqs.iter().all(|pirq| pirq.vector != *vector);
    let vector = (FIRST_VECTOR..lapic::TIMER_VECTOR).find(is_free).ok_or(Errno::Enospc)?;
    let pirq = Pirq { domain: domain.id, number, vector, source, port: None, awaits_eoi: false };
    pirqs.push(pirq).map_err(|_| Errno::Enospc)?;
    source.route(vector);
    Ok(number)
}

/// Forgets a pirq that is not bound. `EINVAL` if there is none, `EBUSY` if it is bound.
pub fn unmap(domain: &Domain, number: u32) -> Result<(), Errno> {
    let mut pirqs = PIRQS.lock();
    let at = pirqs.iter().position(|pirq| pirq.domain == domain.id && pirq.number == number);
    let at = at.ok_or(Errno::Einval)?;
    if pirqs.get(at).is_some_and(|pirq| pirq.port.is_some()) {
        return Err(Errno::Ebusy);
    }
    let pirq = pirqs.swap_remove(at);
    pirq.source.set_masked(true);
    if let Source::Message(message) = pirq.source {
        message.release();
    }
    Ok(())
}

/// Runs `change` on a domain's pirq; `EINVAL` if there is none.
fn with<T>(domain: &Domain, number: u32, change: impl FnOnce(&mut Pirq) -> T) -> Result<T, Errno> {
    let mut pirqs = PIRQS.lock();
    let found = pirqs.iter_mut().find(|pirq| pirq.domain == domain.id && pirq.number == number);
    found.map(change).ok_or(Errno::Einval)
}

/// Whether a domain may bind a pirq: `EINVAL` beyond the last number, `EPERM` for a domain without
/// hardware, `EEXIST` if it has done so.
pub fn check_bind(domain: &Domain, number: u32) -> Result<(), Errno> {
    if number >= NR_PIRQS {
        return Err(Errno::Einval);
    }
    if !domain.privileged {
        return Err(Errno::Eperm);
    }
    match with(domain, number, |pirq| pirq.port) {
        Ok(Some(_)) => Err(Errno::Eexist),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Binds a pirq to a port: from now on it can fire. A line that was never mapped is mapped now.
pub fn bind(domain: &Domain, number: u32, port: EvtchnPort) -> Result<(), Errno> {
    if number < LINES && with(domain, number, |_| ()).is_err() {
        map_line(domain, number)?;
    }
    with(domain, number, |pirq| {
        pirq.port = Some(port);
        pirq.awaits_eoi = false;
        pirq.source.set_masked(false);
    })
}

/// The port of a pirq was closed: it cannot fire any more.
pub fn unbind(domain: &Domain, number: u32) {
    // Without such a pirq there is nothing to do.
    let _ = with(domain, number, |pirq| {
        pirq.source.set_masked(true);
        pirq.port = None;
    });
}

/// The domain has served the device (`PHYSDEVOP_eoi`).
pub fn end_of_interrupt(domain: &Domain, number: u32) -> Result<(), Errno> {
    with(domain, number, |pirq| {
        if pirq.awaits_eoi {
            pirq.awaits_eoi = false;
            pirq.source.set_masked(false);
        }
    })
}

/// Whether the domain has to tell when it has served the device.
pub fn needs_eoi(domain: &Domain, number: u32) -> Result<bool, Errno> {
    if number >= NR_PIRQS {
        return Err(Errno::Einval);
    }
    Ok(with(domain, number, |pirq| pirq.source.is_level()).unwrap_or(false))
}

/// A pirq that nothing uses, for messages.
pub fn free_number() -> Result<u32, Errno> {
    let pirqs = PIRQS.lock();
    let is_free = |number: &u32| pirqs.iter().all(|pirq| pirq.number != *number);
    (LINES..NR_PIRQS).find(is_free).ok_or(Errno::Enospc)
}

/// An interrupt with a device's vector.
pub fn interrupt(vector: u8) {
    let event = {
        let mut pirqs = PIRQS.lock();
        let found = pirqs.iter_mut().find(|pirq| pirq.vector == vector);
        found.and_then(|pirq| {
            if pirq.source.is_level() {
                pirq.source.set_masked(true);
                pirq.awaits_eoi = true;
            }
            pirq.port.map(|port| (pirq.domain, port))
        })
    };
    lapic::end_of_interrupt();
    let Some((domain, port)) = event else { return };
    let Some(domain) = domain::find(domain) else { return };
    let vcpu = domain.events.lock().notified_vcpu(port);
    if let Some(vcpu) = vcpu {
        events::raise(&domain, port, vcpu);
    }
}
