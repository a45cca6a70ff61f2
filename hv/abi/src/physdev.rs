// SPDX-License-Identifier: MIT OR Apache-2.0
//! Physical devices and interrupts (`public/physdev.h`).

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `physdev_op`.
    pub enum PhysdevOp: u32 {
        /// Tells that an interrupt was handled, old form.
        IrqUnmaskNotify = 4,
        /// [`IrqStatusQuery`].
        IrqStatusQuery = 5,
        /// [`SetIopl`].
        SetIopl = 6,
        /// [`SetIobitmap`].
        SetIobitmap = 7,
        /// [`ApicAccess`].
        ApicRead = 8,
        /// [`ApicAccess`].
        ApicWrite = 9,
        /// [`IrqVector`].
        AllocIrqVector = 10,
        /// [`IrqVector`].
        FreeIrqVector = 11,
        /// [`Eoi`].
        Eoi = 12,
        /// [`MapPirq`].
        MapPirq = 13,
        /// [`UnmapPirq`].
        UnmapPirq = 14,
        /// Old form of [`Self::PciDeviceAdd`].
        ManagePciAdd = 15,
        /// Old form of [`Self::PciDeviceRemove`].
        ManagePciRemove = 16,
        /// [`PirqEoiGmfn`], end of interrupt unmasks nothing.
        PirqEoiGmfnV1 = 17,
        /// Old form of [`Self::RestoreMsiExt`].
        RestoreMsi = 19,
        /// Old form of [`Self::PciDeviceAdd`].
        ManagePciAddExt = 20,
        /// [`SetupGsi`].
        SetupGsi = 21,
        /// [`GetFreePirq`].
        GetFreePirq = 23,
        /// [`PciMmcfgReserved`].
        PciMmcfgReserved = 24,
        /// [`PciDeviceAdd`].
        PciDeviceAdd = 25,
        /// [`PciDevice`].
        PciDeviceRemove = 26,
        /// [`PciDevice`].
        RestoreMsiExt = 27,
        /// [`PirqEoiGmfn`], end of interrupt unmasks the event.
        PirqEoiGmfnV2 = 28,
        /// Debug port resets.
        DbgpOp = 29,
        /// [`PciDevice`].
        PrepareMsix = 30,
        /// [`PciDevice`].
        ReleaseMsix = 31,
    }
}

/// Tells that an interrupt was handled.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Eoi {
    /// Physical interrupt.
    pub irq: u32,
}

/// Shares a page with a bit per interrupt: it needs [`Eoi`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PirqEoiGmfn {
    /// The frame.
    pub gmfn: u64,
}

/// [`IrqStatusQuery::flags`]: the interrupt needs [`Eoi`].
pub const IRQSTAT_NEEDS_EOI: u32 = 1;
/// [`IrqStatusQuery::flags`]: the interrupt is shared between domains.
pub const IRQSTAT_SHARED: u32 = 2;

/// Asks what an interrupt needs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IrqStatusQuery {
    /// Physical interrupt.
    pub irq: u32,
    /// Out: `IRQSTAT_*` bits.
    pub flags: u32,
}

/// Sets the guest kernel's I/O privilege.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetIopl {
    /// 0 to 3; the guest kernel counts as ring 1.
    pub iopl: u32,
}

/// Sets which I/O ports guest user mode may use.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetIobitmap {
    /// Guest virtual address of the bitmap.
    pub bitmap: u64,
    /// Its bits.
    pub nr_ports: u32,
    /// Padding.
    pub _pad: u32,
}

/// Reads or writes an I/O APIC register.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ApicAccess {
    /// Machine address of the APIC.
    pub apic_physbase: u64,
    /// Register.
    pub reg: u32,
    /// In or out.
    pub value: u32,
}

/// An interrupt and its vector.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IrqVector {
    /// Interrupt.
    pub irq: u32,
    /// Out: vector.
    pub vector: u32,
}

number_enum! {
    /// [`MapPirq::kind`].
    pub enum MapPirqType: u32 {
        /// Message.
        Msi = 0,
        /// Line.
        Gsi = 1,
        /// Any.
        Unknown = 2,
        /// Message, with a PCI segment in the bus field's high half.
        MsiSeg = 3,
        /// Several messages.
        MultiMsi = 4,
    }
}

/// Makes a physical interrupt of a line or message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MapPirq {
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad0: u16,
    /// A [`MapPirqType`].
    pub kind: u32,
    /// Line, or -1.
    pub index: i32,
    /// In: the number wanted, -1 for any; out: the number.
    pub pirq: i32,
    /// Message: PCI bus.
    pub bus: i32,
    /// Message: PCI device and function.
    pub devfn: i32,
    /// Message: entry, or number of messages.
    pub entry_nr: i32,
    /// Padding.
    pub _pad1: u32,
    /// Message: machine address of the table, 0 if it has none.
    pub table_base: u64,
}

/// Undoes [`MapPirq`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UnmapPirq {
    /// The domain.
    pub domid: DomId,
    /// Padding.
    pub _pad: u16,
    /// Physical interrupt.
    pub pirq: i32,
}

/// Sets how a line signals.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SetupGsi {
    /// The line.
    pub gsi: i32,
    /// 0 edge, 1 level.
    pub triggering: u8,
    /// 0 high, 1 low.
    pub polarity: u8,
    /// Padding.
    pub _pad: u16,
}

/// Asks for an unused physical interrupt.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GetFreePirq {
    /// A [`MapPirqType`].
    pub kind: u32,
    /// Out.
    pub pirq: u32,
}

/// [`PciMmcfgReserved::flags`]: the memory map has it as reserved.
pub const PCI_MMCFG_RESERVED: u32 = 1;

/// Tells of PCI configuration space in memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PciMmcfgReserved {
    /// Machine address.
    pub address: u64,
    /// PCI segment.
    pub segment: u16,
    /// First bus.
    pub start_bus: u8,
    /// Last bus.
    pub end_bus: u8,
    /// [`PCI_MMCFG_RESERVED`].
    pub flags: u32,
}

/// [`PciDeviceAdd::flags`]: extended function.
pub const PCI_DEV_EXTFN: u32 = 1;
/// [`PciDeviceAdd::flags`]: virtual function.
pub const PCI_DEV_VIRTFN: u32 = 2;
/// [`PciDeviceAdd::flags`]: a word with the memory node follows the struct.
pub const PCI_DEV_PXM: u32 = 4;

/// Tells of a PCI device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PciDeviceAdd {
    /// PCI segment.
    pub seg: u16,
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
    /// `PCI_DEV_*` bits.
    pub flags: u32,
    /// Virtual function: its physical one's bus.
    pub physfn_bus: u8,
    /// Virtual function: its physical one's device and function.
    pub physfn_devfn: u8,
    /// Padding.
    pub _pad: u16,
}

/// A PCI device, as argument.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PciDevice {
    /// PCI segment.
    pub seg: u16,
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
}

assert_layout!(Eoi, size = 4);
assert_layout!(PirqEoiGmfn, size = 8);
assert_layout!(IrqStatusQuery, size = 8, flags @ 4);
assert_layout!(SetIopl, size = 4);
assert_layout!(SetIobitmap, size = 16, nr_ports @ 8);
assert_layout!(ApicAccess, size = 16, reg @ 8, value @ 12);
assert_layout!(IrqVector, size = 8, vector @ 4);
assert_layout!(MapPirq, size = 40, kind @ 4, index @ 8, pirq @ 12, bus @ 16, devfn @ 20,
    entry_nr @ 24, table_base @ 32);
assert_layout!(UnmapPirq, size = 8, pirq @ 4);
assert_layout!(SetupGsi, size = 8, triggering @ 4, polarity @ 5);
assert_layout!(GetFreePirq, size = 8, pirq @ 4);
assert_layout!(PciMmcfgReserved, size = 16, segment @ 8, start_bus @ 10, flags @ 12);
assert_layout!(PciDeviceAdd, size = 12, flags @ 4, physfn_bus @ 8);
assert_layout!(PciDevice, size = 4, bus @ 2, devfn @ 3);
