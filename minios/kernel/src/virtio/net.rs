// SPDX-License-Identifier: MIT OR Apache-2.0
//! A virtio network device (virtio 1.2, 5.1): packets in and out by the batch.

use alloc::vec::Vec;
use core::task::{Context, Poll};

use minios_core::link::Capabilities;
use minios_core::mac_address::MacAddress;
use minios_core::packet::{Checksum, Packet};
use virtio_drivers::transport::{DeviceStatus, DeviceType, Transport};
use xen_abi::errno::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::queue::{Direction, SLOT_BYTES, SLOTS, Slot, SlotQueue};
use super::transport::PciTransport;
use crate::pci::{self, Function, Interrupt};

bitflags::bitflags! {
    /// Feature bits (5.1.3, 6).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Features: u64 {
        /// The device completes checksums.
        const CSUM = 1 << 0;
        /// We take packets with incomplete checksums.
        const GUEST_CSUM = 1 << 1;
        /// The device has an address.
        const MAC = 1 << 5;
        /// The protocol of version 1 and later.
        const VERSION_1 = 1 << 32;
    }
}

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;

/// [`Header::flags`]: the checksum is to be completed.
const NEEDS_CSUM: u8 = 1;
/// [`Header::flags`]: the checksum was verified.
const DATA_VALID: u8 = 2;

/// What precedes each packet (5.1.6).
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    flags: u8,
    gso_type: u8,
    header_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
    num_buffers: u16,
}

/// With less room than this, the slots that the device is done with are looked for.
const ROOM_TO_RECLAIM: usize = SLOTS / 2;

const HEADER: usize = size_of::<Header>();

/// The network device of the machine.
///
/// Packets go to a queue, and [`flush`](Self::flush) tells the device of them in one go; nothing
/// interrupts for packets that were sent until there is no more room.
pub struct VirtioNet {
    transport: PciTransport,
    receive: SlotQueue,
    transmit: SlotQueue,
    interrupt: Interrupt,
    mac: MacAddress,
    features: Features,
}

impl VirtioNet {
    /// The first network device, ready; `None` if the machine has none.
    ///
    /// # Errors
    /// `EPERM` if this domain may not use devices; `ENODEV` for a device that is not as the
    /// specification says; `ENOMEM`.
    pub fn probe() -> Result<Option<Self>, Errno> {
        let is_network = |f: &Function| PciTransport::device_type(f) == Some(DeviceType::Network);
        pci::functions()?.iter().find(|function| is_network(function)).map(Self::new).transpose()
    }

    fn new(function: &Function) -> Result<Self, Errno> {
        function.enable()?;
        let interrupt = Interrupt::bind(function)?;
        let mut transport = PciTransport::new(function, interrupt.is_message)?;
        let features = transport.begin_init(Features::all());
        let agreed = transport.get_status().contains(DeviceStatus::FEATURES_OK);
        if !agreed || !features.contains(Features::VERSION_1 | Features::MAC) {
            log::warn!("{function:?}: {features:?} is not enough");
            return Err(Errno::Enodev);
        }
        let mac = transport.read_config_space(0).map(MacAddress).map_err(|_| Errno::Enodev)?;
        let receive = SlotQueue::new(&mut transport, RECEIVE, Direction::Receive)?;
        let transmit = SlotQueue::new(&mut transport, TRANSMIT, Direction::Transmit)?;
        transport.finish_init();
        let mut net = Self { transport, receive, transmit, interrupt, mac, features };
        net.transmit.set_interrupts(false);
        net.refill();
        let how = if net.interrupt.is_message { "MSI-X" } else { "interrupt line" };
        log::info!("virtio-net at {:?}: {mac}, {how}, {features:?}", function.location);
        Ok(net)
    }

    /// The device's address.
    #[must_use]
    pub fn mac(&self) -> MacAddress {
        self.mac
    }

    /// What it takes over from who sends.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let transmit_checksum = self.features.contains(Features::CSUM);
        Capabilities { transmit_checksum, ..Capabilities::default() }
    }

    /// The next packet that came in, in a buffer that `buffer` makes, with so many bytes.
    pub fn receive(&mut self, buffer: impl Fn(usize) -> Vec<u8>) -> Option<Packet> {
        loop {
            let packet = self.receive.take(|slot, len| read_packet(slot, len, &buffer))?;
            self.receive.add(|_| SLOT_BYTES);
            if packet.is_some() {
                return packet;
            }
        }
    }

    /// How many packets there is room for.
    pub fn room(&mut self) -> usize {
        if self.transmit.room() < ROOM_TO_RECLAIM {
            self.reclaim();
        }
        self.transmit.room()
    }

    /// Queues a packet that consists of `parts`; one that is too large, or for which there is no
    /// room, is dropped.
    pub fn transmit(&mut self, checksum: Checksum, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len + HEADER <= SLOT_BYTES {
            self.transmit.add(|slot| write_packet(slot, checksum, parts));
        }
    }

    /// Tells the device of all that was queued.
    pub fn flush(&mut self) {
        self.transmit.announce(&mut self.transport);
        self.receive.announce(&mut self.transport);
        self.reclaim();
    }

    fn reclaim(&mut self) {
        while self.transmit.take(|_, _| ()).is_some() {}
    }

    fn refill(&mut self) {
        while self.receive.add(|_| SLOT_BYTES) {}
        self.receive.announce(&mut self.transport);
    }

    /// Ready when a packet may have come in, or when there may be room again for `wanted` packets
    /// if there is not. Interrupts are on while this is pending.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<()> {
        // The task is registered first, so that what comes after is not missed.
        let mut fired = false;
        while self.interrupt.channel.poll_wait(cx).is_ready() {
            fired = true;
        }
        if fired && !self.interrupt.is_message {
            let _ = self.transport.ack_interrupt();
            self.interrupt.acknowledge();
        }
        let full = self.room() < wanted;
        self.receive.set_interrupts(true);
        self.transmit.set_interrupts(full);
        if self.receive.has_used() || (full && self.transmit.has_used()) {
            self.receive.set_interrupts(false);
            self.transmit.set_interrupts(false);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

fn write_packet(slot: &Slot<'_>, checksum: Checksum, parts: &[&[u8]]) -> usize {
    let mut header = Header::default();
    if let Checksum::Partial { start, offset } = checksum {
        header.flags = NEEDS_CSUM;
        header.csum_start = start;
        header.csum_offset = offset;
    }
    slot.write(0, header.as_bytes());
    let mut at = HEADER;
    for part in parts {
        slot.write(at, part);
        at += part.len();
    }
    at
}

fn read_packet(slot: &Slot<'_>, len: usize, buffer: impl Fn(usize) -> Vec<u8>) -> Option<Packet> {
    let mut header = Header::default();
    let mut bytes = buffer(len.checked_sub(HEADER)?);
    slot.read(0, header.as_mut_bytes());
    slot.read(HEADER, &mut bytes);
    let mut packet = Packet::new(bytes);
    if header.flags & NEEDS_CSUM != 0 {
        let (start, offset) = (header.csum_start, header.csum_offset);
        packet.checksum = Checksum::Partial { start, offset };
    } else if header.flags & DATA_VALID != 0 {
        packet.checksum = Checksum::Valid;
    }
    Some(packet)
}
