// SPDX-License-Identifier: MIT OR Apache-2.0
//! Devices and their interrupts: the first domain's business.
use xen_abi::errno::Errno;
use xen_abi::hypercall::Hypercall;
use xen_abi::physdev::{
    Eoi, IrqStatusQuery, MapPirq, PciDevice, PciDeviceAdd, PciMmcfgReserved, PhysdevOp, SetIopl,
    SetupGsi, UnmapPirq,
};
use zerocopy::IntoBytes;

use super::call_with;

fn op<T: IntoBytes>(op: PhysdevOp, argument: &mut T) -> Result<(), Errno> {
    // SAFETY: the structs used here name no memory.
    unsafe { call_with(Hypercall::PhysdevOp, op.raw(), argument) }.map(drop)
}

/// Makes a pirq of an interrupt line or message; returns its number.
///
/// ```no_run
/// use minios::{DomId, hypercall::physdev, xen_abi::physdev::{MapPirq, MapPirqType}};
/// let line = MapPirq {
///     domid: DomId::SELF,
///     kind: MapPirqType::Gsi.raw(),
///     index: 11,
///     pirq: -1,
///     ..Default::default()
/// };
/// let pirq = physdev::map_pirq(line)?;
/// # Ok::<(), minios::Errno>(())
/// ```
///
/// # Errors
/// `EPERM`, `EINVAL`, `ENODEV`, `ENOSPC`.
pub fn map_pirq(mut map: MapPirq) -> Result<u32, Errno> {
    op(PhysdevOp::MapPirq, &mut map)?;
    u32::try_from(map.pirq).map_err(|_| Errno::Einval)
}

/// Undoes [`map_pirq`].
///
/// # Errors
/// `EPERM`, `EINVAL`.
pub fn unmap_pirq(mut unmap: UnmapPirq) -> Result<(), Errno> {
    op(PhysdevOp::UnmapPirq, &mut unmap)
}

/// Says how an interrupt line signals.
///
/// # Errors
/// `EPERM`, `EINVAL`.
pub fn setup_gsi(mut setup: SetupGsi) -> Result<(), Errno> {
    op(PhysdevOp::SetupGsi, &mut setup)
}

/// Tells of a PCI device.
///
/// # Errors
/// `EPERM`, `ENODEV`, `EEXIST`.
pub fn pci_device_add(mut device: PciDeviceAdd) -> Result<(), Errno> {
    op(PhysdevOp::PciDeviceAdd, &mut device)
}

/// Makes a device ready for MSI-X: the hypervisor protects its table.
///
/// # Errors
/// `EPERM`, `ENODEV`.
pub fn prepare_msix(mut device: PciDevice) -> Result<(), Errno> {
    op(PhysdevOp::PrepareMsix, &mut device)
}

/// Tells where PCI configuration space lies in memory.
///
/// # Errors
/// `EPERM`, `ENODEV`.
pub fn pci_mmcfg_reserved(mut region: PciMmcfgReserved) -> Result<(), Errno> {
    op(PhysdevOp::PciMmcfgReserved, &mut region)
}

/// The `xen_abi::physdev::IRQSTAT_*` bits of a pirq.
///
/// # Errors
/// `EINVAL`.
pub fn irq_status(irq: u32) -> Result<u32, Errno> {
    let mut query = IrqStatusQuery { irq, flags: 0 };
    op(PhysdevOp::IrqStatusQuery, &mut query)?;
    Ok(query.flags)
}

/// Says that a pirq was handled.
///
/// # Errors
/// `EINVAL`.
pub fn eoi(irq: u32) -> Result<(), Errno> {
    op(PhysdevOp::Eoi, &mut Eoi { irq })
}

/// Sets the I/O privilege; 1 lets us use I/O ports.
///
/// # Errors
/// `EINVAL` above 3.
pub fn set_iopl(iopl: u32) -> Result<(), Errno> {
    op(PhysdevOp::SetIopl, &mut SetIopl { iopl })
}
