// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frontend that is connected: its rings, its event channel and its port of the switch.

use alloc::format;
use alloc::rc::Rc;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

use dom0_core::network::netback::{FrontendFeatures, TxParser};
use dom0_core::network::switch::{PortId, PortKind, QueueLimits};
use dom0_core::store::Store;
use minios::event_channel::EventChannel;
use minios::memory::SharedPages;
use minios::minios_core::ring::{BackRing, Corrupt};
use minios::net::link::MacAddress;
use minios::{DomId, Errno, EvtchnPort, GrantRef, grant_table, task};
use xen_abi::net::{RX_SLOT_SIZE, TX_SLOT_SIZE};

use super::reports::Reports;
use crate::network::Hub;

/// Why an interface is not, or no longer, connected.
#[derive(Debug)]
pub(super) enum Fault {
    /// The key is missing in the store, or has no sense.
    Key(&'static str),
    /// The frontend does not take copies, and nothing else is offered.
    NoCopy,
    /// Another port has the address.
    AddressTaken(MacAddress),
    /// The hypervisor refused a ring or the event channel.
    Refused(&'static str, Errno),
    /// Impossible indices in a ring.
    Corrupt,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "`{key}` is missing or makes no sense"),
            Self::NoCopy => f.write_str("the frontend did not write request-rx-copy"),
            Self::AddressTaken(mac) => write!(f, "the address {mac} cannot be used or is taken"),
            Self::Refused(what, error) => write!(f, "{what}: {error:?}"),
            Self::Corrupt => f.write_str("impossible ring indices"),
        }
    }
}

impl From<Corrupt> for Fault {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

/// What went wrong with a frontend's packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Transmit chains that made no sense.
    pub(super) bad_chains: u64,
    /// Pages that could not be copied from or to.
    pub(super) bad_grants: u64,
    /// Packets that say they have offloads, but are not TCP or UDP.
    pub(super) bad_offloads: u64,
}

/// A connected interface. Dropping it gives everything back.
pub(super) struct Connection {
    pub(super) domain: DomId,
    pub(super) hub: Hub,
    pub(super) port: PortId,
    pub(super) tx: BackRing<SharedPages, TX_SLOT_SIZE>,
    pub(super) parser: TxParser,
    /// Requests of an unfinished chain, already seen.
    pub(super) unfinished: u32,
    pub(super) rx: BackRing<SharedPages, RX_SLOT_SIZE>,
    pub(super) channel: EventChannel,
    pub(super) faults: Faults,
    reports: Rc<Reports>,
}

impl Connection {
    /// Connects as the frontend's keys say.
    pub(super) fn new(
        store: &Store,
        hub: &Hub,
        reports: &Rc<Reports>,
        frontend: &str,
    ) -> Result<Self, Fault> {
        let device = reports.device;
        let key = |key| store.read(&format!("{frontend}/{key}"));
        let number = |name: &'static str| -> Result<u32, Fault> {
            key(name).ok().and_then(|text| text.trim().parse().ok()).ok_or(Fault::Key(name))
        };
        let flag = |name: &str| {
            let path = format!("{frontend}/{name}");
            store.read_number(&path).is_ok_and(|number: u32| number != 0)
        };
        let features = FrontendFeatures::read(flag);
        if !features.rx_copy {
            return Err(Fault::NoCopy);
        }
        // The frontend could write anything to its own copy of the key.
        let mac = store.read(&format!("{}/mac", device.backend()));
        let mac: MacAddress =
            mac.ok().and_then(|text| text.parse().ok()).ok_or(Fault::Key("mac"))?;

        let domain = device.domain;
        let map = |reference| grant_table::map(domain, &[GrantRef::new(reference)], false);
        let tx_page =
            map(number("tx-ring-ref")?).map_err(|e| Fault::Refused("transmit ring", e))?;
        let rx_page = map(number("rx-ring-ref")?).map_err(|e| Fault::Refused("receive ring", e))?;
        let channel = EvtchnPort::new(number("event-channel")?);
        let channel = EventChannel::bind_interdomain(domain, channel)
            .map_err(|error| Fault::Refused("event channel", error))?;
        let port = hub
            .add_port(PortKind::Station(mac), features.capabilities(), QueueLimits::default())
            .map_err(|_| Fault::AddressTaken(mac))?;
        reports.connected(mac);
        Ok(Self {
            domain,
            hub: hub.clone(),
            port,
            tx: BackRing::attach(tx_page),
            parser: TxParser::default(),
            unfinished: 0,
            rx: BackRing::attach(rx_page),
            channel,
            faults: Faults::default(),
            reports: reports.clone(),
        })
    }

    /// Moves packets both ways until the frontend breaks the protocol.
    pub(super) async fn run(&mut self) -> Fault {
        loop {
            match self.round() {
                Ok(0) => {}
                Ok(_) => {
                    // Others have their turn, and then there is a batch again.
                    task::yield_now().await;
                    continue;
                }
                Err(fault) => return fault,
            }
            if let Err(fault) = poll_fn(|cx| self.poll_work(cx)).await {
                return fault;
            }
        }
    }

    /// Moves a batch each way; returns how many packets.
    fn round(&mut self) -> Result<usize, Fault> {
        let moved = self.transmit()? + self.receive()?;
        // Both are published before the frontend hears of either, with one event.
        let tx = self.tx.publish();
        let rx = self.rx.publish();
        if tx || rx {
            self.channel.notify();
        }
        Ok(moved)
    }

    /// Ready when there is something to do.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        // An event means to look again, which happens below in any case.
        while self.channel.poll_wait(cx).is_ready() {}
        match self.has_work(cx) {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Ok(())),
            Err(corrupt) => Poll::Ready(Err(corrupt.into())),
        }
    }

    /// Asks for an event or a waking for everything that is missing, then looks again.
    fn has_work(&self, cx: &Context<'_>) -> Result<bool, Corrupt> {
        let room = self.hub.register_room(cx.waker());
        let transmit = self.tx.request_event(self.unfinished + 1)? && room;
        let packet = self.hub.register(self.port, cx.waker());
        let receive = packet && self.rx.request_event(self.slots_wanted())?;
        Ok(transmit || receive)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.remove_port(self.port);
        if self.faults != Faults::default() {
            self.reports.fault(&format_args!("it had {:?}", self.faults));
        }
    }
}
