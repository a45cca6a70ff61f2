// SPDX-License-Identifier: MIT OR Apache-2.0
//! `physdev_op`: the interrupts and I/O privilege of the domain that drives the hardware.
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Maddr;
use xen_abi::physdev::{
    Eoi, GetFreePirq, IRQSTAT_NEEDS_EOI, IrqStatusQuery, MapPirq, MapPirqType, PhysdevOp,
    SetIobitmap, SetIopl, SetupGsi, UnmapPirq,
};

use super::argument::{Named, controlled_domain, require_privilege};
use crate::arch::ioapic::Trigger;
use crate::arch::pci::Function;
use crate::current::Current;
use crate::guest_ptr::GuestPtr;
use crate::msi::Message;
use crate::pirq;

/// Ports an I/O bitmap can cover.
const MAX_PORTS: u32 = 1 << 16;

/// `physdev_op(op, argument)`. A domain without hardware may only set its I/O privilege; else it
/// gets `EPERM`.
pub fn physdev_op(current: &Current, op: u32, argument: GuestPtr) -> Result<u64, Errno> {
    let op = PhysdevOp::try_from(op)?;
    let domain = current.domain();
    match op {
        PhysdevOp::SetIopl => {
            let SetIopl { iopl } = argument.cast().read()?;
            let level = u8::try_from(iopl).ok().filter(|&level| level <= 3);
            current.vcpu().iopl.set(level.ok_or(Errno::Einval)?);
        }
        PhysdevOp::SetIobitmap => {
            let SetIobitmap { nr_ports, .. } = argument.cast().read()?;
            // Guest user mode gets no ports: the bitmap is checked, and never consulted.
            if nr_ports > MAX_PORTS {
                return Err(Errno::Einval);
            }
        }
        PhysdevOp::Eoi => {
            let Eoi { irq } = argument.cast().read()?;
            pirq::end_of_interrupt(domain, irq)?;
        }
        PhysdevOp::IrqStatusQuery => {
            let query: IrqStatusQuery = argument.cast().read()?;
            let flags = if pirq::needs_eoi(domain, query.irq)? { IRQSTAT_NEEDS_EOI } else { 0 };
            argument.cast().write(&IrqStatusQuery { flags, ..query })?;
        }
        PhysdevOp::MapPirq => map_pirq(current, argument.cast())?,
        PhysdevOp::UnmapPirq => {
            let UnmapPirq { domid, pirq, .. } = argument.cast().read()?;
            let domain = hardware_domain(current, domid)?;
            pirq::unmap(&domain, u32::try_from(pirq).map_err(|_| Errno::Einval)?)?;
        }
        PhysdevOp::SetupGsi => {
            require_privilege(current)?;
            let SetupGsi { gsi, triggering, polarity, .. } = argument.cast().read()?;
            let line = u32::try_from(gsi).map_err(|_| Errno::Einval)?;
            let trigger = Trigger { level: triggering != 0, active_low: polarity != 0 };
            pirq::set_trigger(line, trigger)?;
        }
        PhysdevOp::GetFreePirq => {
            require_privilege(current)?;
            let request: GetFreePirq = argument.cast().read()?;
            let pirq = pirq::free_number()?;
            argument.cast().write(&GetFreePirq { pirq, ..request })?;
        }
        // What these tell is not needed: devices are looked at when a message is mapped.
        PhysdevOp::PciDeviceAdd
        | PhysdevOp::PciDeviceRemove
        | PhysdevOp::PciMmcfgReserved
        | PhysdevOp::ManagePciAdd
        | PhysdevOp::ManagePciAddExt
        | PhysdevOp::ManagePciRemove
        | PhysdevOp::PrepareMsix
        | PhysdevOp::ReleaseMsix => require_privilege(current)?,
        PhysdevOp::IrqUnmaskNotify
        | PhysdevOp::ApicRead
        | PhysdevOp::ApicWrite
        | PhysdevOp::AllocIrqVector
        | PhysdevOp::FreeIrqVector
        | PhysdevOp::PirqEoiGmfnV1
        | PhysdevOp::PirqEoiGmfnV2
        | PhysdevOp::RestoreMsi
        | PhysdevOp::RestoreMsiExt
        | PhysdevOp::DbgpOp => {
            require_privilege(current)?;
            return Err(Errno::Enosys);
        }
    }
    Ok(0)
}

/// The domain of a pirq, which must be one that has hardware.
fn hardware_domain(current: &Current, id: DomId) -> Result<Named<'_>, Errno> {
    let domain = controlled_domain(current, id)?;
    if domain.privileged { Ok(domain) } else { Err(Errno::Eperm) }
}

/// Makes a pirq of a line or of a message in a device's MSI-X table.
fn map_pirq(current: &Current, argument: GuestPtr<MapPirq>) -> Result<(), Errno> {
    let request = argument.read()?;
    let domain = hardware_domain(current, request.domid)?;
    let kind = MapPirqType::try_from(request.kind).map_err(|_| Errno::Einval)?;
    let number = match kind {
        MapPirqType::Gsi => {
            let line = u32::try_from(request.index).map_err(|_| Errno::Einval)?;
            pirq::map_line(&domain, line)?
        }
        MapPirqType::Msi | MapPirqType::MsiSeg => pirq::map_message(&domain, message(&request)?)?,
        MapPirqType::MultiMsi => return Err(Errno::Eopnotsupp),
        MapPirqType::Unknown => return Err(Errno::Einval),
    };
    let pirq = i32::try_from(number).map_err(|_| Errno::Einval)?;
    argument.write(&MapPirq { pirq, ..request })
}

/// The message a request names. Only MSI-X has a table; `ENODEV` for plain MSI, and for another
/// PCI segment than the first.
fn message(request: &MapPirq) -> Result<Message, Errno> {
    if request.table_base == 0 {
        return Err(Errno::Enodev);
    }
    let bus = u8::try_from(request.bus).map_err(|_| Errno::Enodev)?;
    let devfn = u8::try_from(request.devfn).map_err(|_| Errno::Einval)?;
    let entry = u32::try_from(request.entry_nr).map_err(|_| Errno::Einval)?;
    Message::find(Function { bus, devfn }, entry, Maddr::new(request.table_base))
}
