// SPDX-License-Identifier: MIT OR Apache-2.0
//! dom0's network: the machine's network device, the switch, a backend for every domU's interface,
//! and an IP stack of dom0's own at a port of the switch.

mod fetch;
mod hub;
mod netback;
mod ping;
mod port_link;
mod uplink;
mod vif;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dom0_core::network::switch::{Counters, PortKind, QueueLimits};
use dom0_core::store::Store;
use minios::net::link::{Capabilities, MacAddress};
use minios::net::{BadConfig, Config, Stack};
use minios::virtio::VirtioNet;
use minios::{random, task};

pub(crate) use fetch::fetch;
use hub::Hub;
pub(crate) use ping::ping;

use port_link::PortLink;

/// What dom0 is called in QEMU's user network unless its command line says something else.
const DEFAULT_ADDRESS: &str = "ip=10.0.2.15/24 gw=10.0.2.2 dns=10.0.2.3";

/// The network, as the prompt uses it.
#[derive(Clone)]
pub(crate) struct Network {
    hub: Hub,
    stack: Stack,
}

impl Network {
    /// Brings everything up: the device if there is one, dom0's stack, and backends as the
    /// toolstack asks for them in the store.
    ///
    /// # Errors
    /// If dom0's command line has a wrong address.
    pub(crate) fn start(store: &Store) -> Result<Self, BadConfig> {
        let hub = Hub::new();
        let mac = match VirtioNet::probe() {
            Ok(Some(device)) => uplink::start(device, &hub),
            Ok(None) => {
                log::warn!("no network device: the domains only reach each other");
                None
            }
            Err(error) => {
                log::error!("the network device cannot be used: {error:?}");
                None
            }
        };
        let stack = own_stack(&hub, mac.unwrap_or_else(random_mac))?;
        drop(task::spawn(netback::run(store.clone(), hub.clone())));
        Ok(Self { hub, stack })
    }

    /// A line for each port of the switch.
    pub(crate) fn describe(&self) -> Vec<String> {
        self.hub.ports().iter().map(|(kind, counters)| describe_port(*kind, counters)).collect()
    }

    /// dom0's stack.
    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }
}

fn describe_port(kind: PortKind, counters: &Counters) -> String {
    let who = match kind {
        PortKind::Uplink => String::from("uplink"),
        PortKind::Station(mac) => format!("{mac}"),
    };
    let Counters { received, received_bytes, sent, sent_bytes, .. } = counters;
    let Counters { merged, malformed, spoofed, overflowed, unsendable, .. } = counters;
    format!(
        "{who}: in {received} packets, {received_bytes} bytes; out {sent}, {sent_bytes}; merged: \
         {merged} acknowledgements; dropped: {malformed} malformed, {spoofed} spoofed, {overflowed} overflowed, {unsendable} unsendable"
    )
}

/// dom0's stack at a port of its own.
fn own_stack(hub: &Hub, mac: MacAddress) -> Result<Stack, BadConfig> {
    let line = minios::command_line();
    let has_address = line.split_ascii_whitespace().any(|word| word.starts_with("ip="));
    let config = Config::parse(if has_address { line } else { DEFAULT_ADDRESS })?;
    let whole = Some(minios::net::link::MAX_PACKET);
    let capabilities = Capabilities {
        transmit_checksum: true,
        segmentation_tcp_v4: whole,
        segmentation_tcp_v6: whole,
    };
    let port = hub
        .add_port(PortKind::Station(mac), capabilities, QueueLimits::default())
        .expect("the first station has its address to itself");
    Ok(minios::net::start_on(Box::new(PortLink::new(hub.clone(), port, mac)), &config))
}

/// A locally administered address.
fn random_mac() -> MacAddress {
    let [a, b, c, d, e, ..] = random::u64().to_le_bytes();
    MacAddress([2, a, b, c, d, e])
}
