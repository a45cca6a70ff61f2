// SPDX-License-Identifier: MIT OR Apache-2.0
//! The handshake with the backend over xenstore (`public/io/xenbus.h`).

use super::Netfront;
use super::buffers::Buffers;
use super::receive::Receiver;
use super::transmit::Transmitter;
use crate::event_channel::EventChannel;
use crate::net::link::{BadMacAddress, Capabilities, MacAddress};
use crate::xenstore::Error as StoreError;
use crate::{DomId, Errno, PAGE_SIZE, memory, xenstore};
use alloc::format;
use alloc::string::String;
use core::cell::Cell;
use core::fmt;
use core::str::FromStr;
use minios_core::packet::ETHERNET_HEADER;
use xen_abi::xenbus::XenbusState;

/// The largest packet in bytes that a slot's `size` can name.
const LARGEST: usize = 65_535;

/// Why an interface cannot be used.
#[derive(Debug)]
pub enum Error {
    /// Xenstore has no such interface.
    Missing,
    /// A xenstore node has a value that means nothing; holds its path.
    BadValue(String),
    /// The backend went away or does not copy received packets.
    Backend,
    /// The hypervisor refused.
    Errno(Errno),
    /// Xenstore refused.
    Store(StoreError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the domain has none"),
            Self::BadValue(path) => write!(f, "{path} has a value that means nothing"),
            Self::Backend => f.write_str("the backend cannot be used"),
            Self::Errno(errno) => write!(f, "{errno:?}"),
            Self::Store(error) => write!(f, "xenstore: {error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) async fn connect(index: u32) -> Result<Netfront, Error> {
    let front = format!("device/vif/{index}");
    let back = read(&front, "backend").await?.ok_or(Error::Missing)?;
    let backend: u16 = parse(&front, "backend-id").await?.ok_or(Error::Missing)?;
    let backend = DomId::new(backend);
    let mac = read(&front, "mac").await?.ok_or(Error::Missing)?;
    let mac: MacAddress =
        mac.parse().map_err(|BadMacAddress| Error::BadValue(format!("{front}/mac")))?;
    let mtu = parse(&front, "mtu").await?.unwrap_or(1500_usize).clamp(576, 9000);

    // The state of whoever had the interface before us.
    set_state(&front, XenbusState::Initialising).await?;
    wait_for(&back, XenbusState::InitWait).await?;
    let (transmit_pages, receive_pages) = ring_pages();
    let capabilities = capabilities(&back, usize::from(transmit_pages)).await?;
    let largest = capabilities.segmentation_tcp_v4.max(capabilities.segmentation_tcp_v6);
    let largest = largest.unwrap_or(mtu + ETHERNET_HEADER);
    let transmitter = Transmitter::new(backend, transmit_pages, largest)?;
    let receiver = Receiver::new(backend, receive_pages)?;
    let channel = EventChannel::alloc_unbound(backend)?;
    publish(&front, &transmitter, &receiver, &channel).await?;
    wait_for(&back, XenbusState::Connected).await?;
    log::info!("vif {index}: {mac}, mtu {mtu}, backend in domain {}", backend.get());
    Ok(Netfront {
        mac,
        mtu,
        capabilities,
        channel,
        transmitter,
        receiver,
        buffers: Buffers::default(),
        ipv6_checksum: flag(&back, "feature-ipv6-csum-offload").await?,
        counters: Cell::default(),
    })
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
async fn capabilities(back: &str, pages: usize) -> Result<Capabilities, Error> {
    if !flag(back, "feature-rx-copy").await? {
        return Err(Error::Backend);
    }
    let transmit_checksum = !flag(back, "feature-no-csum-offload").await?;
    // Several large packets are to be under way at a time.
    let largest = (pages / 4 * PAGE_SIZE).min(LARGEST);
    let large = transmit_checksum && flag(back, "feature-sg").await?;
    let segments = async |key| Ok::<_, Error>((large && flag(back, key).await?).then_some(largest));
    Ok(Capabilities {
        transmit_checksum,
        segmentation_tcp_v4: segments("feature-gso-tcpv4").await?,
        segmentation_tcp_v6: segments("feature-gso-tcpv6").await?,
    })
}

async fn publish(
    front: &str,
    transmitter: &Transmitter,
    receiver: &Receiver,
    channel: &EventChannel,
) -> Result<(), Error> {
    let nodes = [
        ("tx-ring-ref", transmitter.ring_ref().get()),
        ("rx-ring-ref", receiver.ring_ref().get()),
        ("event-channel", channel.port().get()),
        ("request-rx-copy", 1),
        ("feature-rx-notify", 1),
        ("feature-sg", 1),
        ("feature-gso-tcpv4", 1),
        ("feature-gso-tcpv6", 1),
        ("feature-ipv6-csum-offload", 1),
        ("state", u32::from(XenbusState::Connected as u8)),
    ];
    xenstore::transaction(async |transaction| {
        for (key, value) in &nodes {
            transaction.write(&format!("{front}/{key}"), format!("{value}")).await?;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

async fn set_state(front: &str, state: XenbusState) -> Result<(), Error> {
    Ok(xenstore::write(&format!("{front}/state"), state.as_str()).await?)
}

async fn wait_for(back: &str, state: XenbusState) -> Result<(), Error> {
    let path = format!("{back}/state");
    let mut watch = xenstore::watch(&path).await?;
    loop {
        watch.next().await;
        let now = read(back, "state").await?.ok_or(Error::Backend)?;
        match now.parse().unwrap_or(XenbusState::Unknown) {
            now if now == state => return Ok(()),
            XenbusState::Closing => return Err(Error::Backend),
            _ => {}
        }
    }
}

async fn flag(directory: &str, key: &str) -> Result<bool, Error> {
    Ok(parse::<u32>(directory, key).await?.unwrap_or(0) != 0)
}

async fn parse<T: FromStr>(directory: &str, key: &str) -> Result<Option<T>, Error> {
    let Some(text) = read(directory, key).await? else { return Ok(None) };
    let bad = |_| Error::BadValue(format!("{directory}/{key}"));
    text.trim().parse().map(Some).map_err(bad)
}

async fn read(directory: &str, key: &str) -> Result<Option<String>, Error> {
    match xenstore::read(&format!("{directory}/{key}")).await {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Enoent) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
