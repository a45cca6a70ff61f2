// SPDX-License-Identifier: MIT OR Apache-2.0
//! A modern virtio device on PCI (virtio 1.2, 4.1), with MSI-X and a notification that is one
//! write: what virtio-drivers' own transport lacks.

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr};
use xen_abi::errno::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::pci::{Function, Registers};

const VENDOR: u16 = 0x1af4;
/// Device ids from here on are of modern devices; the type follows.
const MODERN: u16 = 0x1040;
/// The device id of a network device that also speaks the old protocol.
const TRANSITIONAL_NETWORK: u16 = 0x1000;
/// PCI's number of vendor-specific capabilities.
const CAPABILITY_VENDOR: u8 = 9;

// Kinds of virtio capabilities (4.1.4).
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;

// Registers of the common configuration (4.1.4.3).
const DEVICE_FEATURE_SELECT: usize = 0x00;
const DEVICE_FEATURE: usize = 0x04;
const DRIVER_FEATURE_SELECT: usize = 0x08;
const DRIVER_FEATURE: usize = 0x0c;
const DEVICE_STATUS: usize = 0x14;
const CONFIG_GENERATION: usize = 0x15;
const QUEUE_SELECT: usize = 0x16;
const QUEUE_SIZE: usize = 0x18;
const QUEUE_MSIX_VECTOR: usize = 0x1a;
const QUEUE_ENABLE: usize = 0x1c;
const QUEUE_NOTIFY_OFF: usize = 0x1e;
const QUEUE_DESC: usize = 0x20;
const QUEUE_DRIVER: usize = 0x28;
const QUEUE_DEVICE: usize = 0x30;
const COMMON_LEN: usize = 0x38;

/// Queues of a device whose notification address is kept.
const MAX_QUEUES: usize = 4;

/// A device.
pub(super) struct PciTransport {
    kind: DeviceType,
    common: Registers,
    notify: Registers,
    notify_multiplier: usize,
    isr: Registers,
    config: Registers,
    /// Where to write to notify each queue.
    notify_at: [usize; MAX_QUEUES],
    /// Whether the queues use the first MSI-X vector.
    use_message: bool,
}

impl PciTransport {
    /// The type of a device that is virtio.
    pub(super) fn device_type(function: &Function) -> Option<DeviceType> {
        match (function.vendor, function.device) {
            (VENDOR, TRANSITIONAL_NETWORK) => Some(DeviceType::Network),
            (VENDOR, device) => DeviceType::try_from(device.checked_sub(MODERN)?).ok(),
            _ => None,
        }
    }

    /// Maps the device's registers. Its queues use the first MSI-X vector if `use_message`.
    pub(super) fn new(function: &Function, use_message: bool) -> Result<Self, Errno> {
        let common = structure(function, COMMON)?;
        if common.len() < COMMON_LEN {
            return Err(Errno::Enodev);
        }
        let (notify, multiplier) = notify_structure(function)?;
        let transport = Self {
            kind: Self::device_type(function).ok_or(Errno::Enodev)?,
            common,
            notify,
            notify_multiplier: multiplier,
            isr: structure(function, ISR)?,
            config: structure(function, DEVICE)?,
            notify_at: [0; MAX_QUEUES],
            use_message,
        };
        transport.reset();
        Ok(transport)
    }

    fn reset(&self) {
        self.common.write_u8(DEVICE_STATUS, 0);
        while self.common.read_u8(DEVICE_STATUS) != 0 {}
    }

    fn write_u64(&self, register: usize, value: u64) {
        let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
        self.common.write_u32(register, u32::from_le_bytes([a, b, c, d]));
        self.common.write_u32(register + 4, u32::from_le_bytes([e, f, g, h]));
    }
}

/// Where a virtio capability says that a structure is.
fn places(function: &Function, kind: u8) -> impl Iterator<Item = u8> {
    let location = function.location;
    function.capabilities(CAPABILITY_VENDOR).filter(move |at| location.read_u8(at + 3) == kind)
}

fn structure(function: &Function, kind: u8) -> Result<Registers, Errno> {
    let at = places(function, kind).next().ok_or(Errno::Enodev)?;
    let location = function.location;
    function.map(location.read_u8(at + 4), location.read(at + 8), location.read(at + 12))
}

fn notify_structure(function: &Function) -> Result<(Registers, usize), Errno> {
    let at = places(function, NOTIFY).next().ok_or(Errno::Enodev)?;
    let multiplier = function.location.read(at + 16);
    Ok((structure(function, NOTIFY)?, multiplier as usize))
}

impl Transport for PciTransport {
    fn device_type(&self) -> DeviceType {
        self.kind
    }

    fn read_device_features(&mut self) -> u64 {
        let read = |half| {
            self.common.write_u32(DEVICE_FEATURE_SELECT, half);
            u64::from(self.common.read_u32(DEVICE_FEATURE))
        };
        read(0) | read(1) << 32
    }

    fn write_driver_features(&mut self, features: u64) {
        let [a, b, c, d, e, f, g, h] = features.to_le_bytes();
        for (half, bytes) in [(0, [a, b, c, d]), (1, [e, f, g, h])] {
            self.common.write_u32(DRIVER_FEATURE_SELECT, half);
            self.common.write_u32(DRIVER_FEATURE, u32::from_le_bytes(bytes));
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.common.write_u16(QUEUE_SELECT, queue);
        self.common.read_u16(QUEUE_SIZE).into()
    }

    fn notify(&mut self, queue: u16) {
        if let Some(&at) = self.notify_at.get(usize::from(queue)) {
            self.notify.write_u16(at, queue);
        }
    }

    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_truncate(self.common.read_u8(DEVICE_STATUS).into())
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.common.write_u8(DEVICE_STATUS, status.bits().to_le_bytes()[0]);
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        self.common.write_u16(QUEUE_SELECT, queue);
        let [low, high, ..] = size.to_le_bytes();
        self.common.write_u16(QUEUE_SIZE, u16::from_le_bytes([low, high]));
        if self.use_message {
            self.common.write_u16(QUEUE_MSIX_VECTOR, 0);
        }
        self.write_u64(QUEUE_DESC, descriptors);
        self.write_u64(QUEUE_DRIVER, driver_area);
        self.write_u64(QUEUE_DEVICE, device_area);
        let at = usize::from(self.common.read_u16(QUEUE_NOTIFY_OFF)) * self.notify_multiplier;
        assert!(at + 2 <= self.notify.len(), "a queue's notification is outside of its region");
        if let Some(kept) = self.notify_at.get_mut(usize::from(queue)) {
            *kept = at;
        }
        self.common.write_u16(QUEUE_ENABLE, 1);
    }

    fn queue_unset(&mut self, _: u16) {}

    fn queue_used(&mut self, queue: u16) -> bool {
        self.common.write_u16(QUEUE_SELECT, queue);
        self.common.read_u16(QUEUE_ENABLE) == 1
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::from_bits_retain(self.isr.read_u8(0).into())
    }

    fn read_config_generation(&self) -> u32 {
        self.common.read_u8(CONFIG_GENERATION).into()
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Error> {
        let mut value = T::new_zeroed();
        let bytes = value.as_mut_bytes();
        if offset + bytes.len() > self.config.len() {
            return Err(Error::ConfigSpaceTooSmall);
        }
        for (at, byte) in (offset..).zip(bytes) {
            *byte = self.config.read_u8(at);
        }
        Ok(value)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> Result<(), Error> {
        let bytes = value.as_bytes();
        if offset + bytes.len() > self.config.len() {
            return Err(Error::ConfigSpaceTooSmall);
        }
        for (at, byte) in (offset..).zip(bytes) {
            self.config.write_u8(at, *byte);
        }
        Ok(())
    }
}

impl Drop for PciTransport {
    /// The device must not touch the queues when they are freed.
    fn drop(&mut self) {
        self.reset();
    }
}
