// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device's interrupt as an event channel: a message (MSI-X, PCI 3.0, 6.8.2), or the line.

use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::physdev::{IRQSTAT_NEEDS_EOI, MapPirq, MapPirqType, SetupGsi};

use super::config::Location;
use super::function::Function;
use crate::event_channel::EventChannel;
use crate::hypercall::physdev;

const CAPABILITY_MSIX: u8 = 0x11;
/// Offset of the word that says where the table is.
const MSIX_TABLE: u8 = 4;
/// Offset of the control word.
const MSIX_CONTROL: u8 = 2;
const MSIX_ENABLE: u16 = 1 << 15;
const MSIX_MASK_ALL: u16 = 1 << 14;

/// An interrupt that is bound.
pub(crate) struct Interrupt {
    pub(crate) channel: EventChannel,
    /// Whether it is a message; then the device is to use the first.
    pub(crate) is_message: bool,
    /// The line's number if the hypervisor wants to know when it was handled.
    acknowledge: Option<u32>,
}

impl Interrupt {
    /// Binds the device's first message, or its line if it has no messages or the hypervisor
    /// refuses them.
    pub(crate) fn bind(function: &Function) -> Result<Self, Errno> {
        match function.capabilities(CAPABILITY_MSIX).next().map(|at| message(function, at)) {
            Some(Ok(interrupt)) => return Ok(interrupt),
            Some(Err(error)) => log::warn!("{:?}: no MSI-X: {error:?}", function.location),
            None => log::info!("{:?} has no MSI-X", function.location),
        }
        line(function)
    }

    /// Says that the interrupt was handled. The device must have stopped raising a line before.
    pub(crate) fn acknowledge(&self) {
        if let Some(pirq) = self.acknowledge {
            physdev::eoi(pirq).expect("the line is bound");
        }
    }
}

fn message(function: &Function, capability: u8) -> Result<Interrupt, Errno> {
    let Location { bus, devfn } = function.location;
    let table = function.location.read(capability + MSIX_TABLE).to_le_bytes()[0] & 7;
    let pirq = physdev::map_pirq(MapPirq {
        domid: DomId::SELF,
        kind: MapPirqType::Msi.raw(),
        index: -1,
        pirq: -1,
        bus: bus.into(),
        devfn: devfn.into(),
        entry_nr: 0,
        table_base: function.region(table)?.get(),
        ..MapPirq::default()
    })?;
    let channel = EventChannel::bind_pirq(pirq, false)?;
    function.disable_line();
    // The hypervisor lets us write this word, and nothing else of the capability.
    let control = function.location.read_u16(capability + MSIX_CONTROL);
    let enabled = (control | MSIX_ENABLE) & !MSIX_MASK_ALL;
    function.location.write_u16(capability + MSIX_CONTROL, enabled);
    Ok(Interrupt { channel, is_message: true, acknowledge: None })
}

fn line(function: &Function) -> Result<Interrupt, Errno> {
    let gsi = i32::from(function.interrupt_line());
    // Level and active high: how the lines of a PC's first I/O APIC are wired for PCI when the
    // firmware routed them to the old interrupt numbers. Refused where it is set already.
    let _ = physdev::setup_gsi(SetupGsi { gsi, triggering: 1, polarity: 0, _pad: 0 });
    let pirq = physdev::map_pirq(MapPirq {
        domid: DomId::SELF,
        kind: MapPirqType::Gsi.raw(),
        index: gsi,
        pirq: gsi,
        ..MapPirq::default()
    })?;
    let channel = EventChannel::bind_pirq(pirq, true)?;
    let needs_eoi = physdev::irq_status(pirq)? & IRQSTAT_NEEDS_EOI != 0;
    Ok(Interrupt { channel, is_message: false, acknowledge: needs_eoi.then_some(pirq) })
}
