// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handshake with a backend.

use super::connection::Connection;
use super::device::{Change, Device, Error};
use super::receive::Receiver;
use super::transmit::Transmitter;
use crate::event_channel::EventChannel;
use crate::net::link::Capabilities;
use crate::{DomId, PAGE_SIZE, memory};
use minios_core::packet::ETHERNET_HEADER;
use xen_abi::xenbus::XenbusState;

/// The largest packet in bytes that a slot's `size` can name.
const LARGEST: usize = 65_535;
/// What we can take, in any case.
const FEATURES: [(&str, u32); 6] = [
    ("request-rx-copy", 1),
    ("feature-rx-notify", 1),
    ("feature-sg", 1),
    ("feature-gso-tcpv4", 1),
    ("feature-gso-tcpv6", 1),
    ("feature-ipv6-csum-offload", 1),
];

/// Connects to the backend of `device`, for packets of up to `mtu` bytes that need no
/// segmentation.
pub(super) async fn connect(device: &mut Device, mtu: usize) -> Result<Connection, Error> {
    let backend: u16 = device.own("backend-id").await?.ok_or(Error::Missing)?;
    let backend = DomId::new(backend);
    // The state of whoever had the interface before us.
    device.set_state(XenbusState::Initialising).await?;
    wait_for(device, XenbusState::Initialising, XenbusState::InitWait).await?;
    let (transmit_pages, receive_pages) = ring_pages();
    let capabilities = capabilities(device, usize::from(transmit_pages)).await?;
    let largest = capabilities.segmentation_tcp_v4.max(capabilities.segmentation_tcp_v6);
    let largest = largest.unwrap_or(mtu + ETHERNET_HEADER);
    let connection = Connection {
        channel: EventChannel::alloc_unbound(backend)?,
        transmitter: Transmitter::new(backend, transmit_pages, largest)?,
        receiver: Receiver::new(backend, receive_pages)?,
        capabilities,
        ipv6_checksum: device.offers("feature-ipv6-csum-offload").await?,
    };
    publish(device, &connection).await?;
    wait_for(device, XenbusState::Connected, XenbusState::Connected).await?;
    Ok(connection)
}

async fn publish(device: &Device, connection: &Connection) -> Result<(), Error> {
    let rings = [
        ("tx-ring-ref", connection.transmitter.ring_ref().get()),
        ("rx-ring-ref", connection.receiver.ring_ref().get()),
        ("event-channel", connection.channel.port().get()),
    ];
    let mut nodes = heapless::Vec::<_, 16>::new();
    nodes.extend(rings.into_iter().chain(FEATURES));
    device.publish(&nodes, XenbusState::Connected).await
}

/// How many pages each ring gets: a share of the memory.
fn ring_pages() -> (u16, u16) {
    match memory::usage().total_pages >> 8 {
        0..12 => (32, 64),
        12..32 => (64, 128),
        _ => (128, 256),
    }
}

/// What the backend does for a stack that has `pages` pages to send from.
async fn capabilities(device: &Device, pages: usize) -> Result<Capabilities, Error> {
    if !device.offers("feature-rx-copy").await? {
        return Err(Error::Backend);
    }
    let transmit_checksum = !device.offers("feature-no-csum-offload").await?;
    // Several large packets are to be under way at a time.
    let largest = (pages / 4 * PAGE_SIZE).min(LARGEST);
    let large = transmit_checksum && device.offers("feature-sg").await?;
    let segments =
        async |key| Ok::<_, Error>((large && device.offers(key).await?).then_some(largest));
    Ok(Capabilities {
        transmit_checksum,
        segmentation_tcp_v4: segments("feature-gso-tcpv4").await?,
        segmentation_tcp_v6: segments("feature-gso-tcpv6").await?,
    })
}

/// Waits for a state of the backend; an error if it will never come.
async fn wait_for(device: &mut Device, own: XenbusState, wanted: XenbusState) -> Result<(), Error> {
    loop {
        match device.look(own).await? {
            Change::Backend(state) if state == wanted => return Ok(()),
            // To close what was before us is the backend's way to where we want it; to close
            // what we asked for is a refusal.
            Change::Backend(XenbusState::Closing | XenbusState::Closed)
                if own == XenbusState::Connected =>
            {
                return Err(Error::Backend);
            }
            Change::Backend(_) => device.changed().await,
            Change::Replaced => return Err(Error::Missing),
        }
    }
}
