// SPDX-License-Identifier: MIT OR Apache-2.0
//! The stack: one link, its addresses and its sockets.

use super::addresses::Addresses;
use super::admission::Verdict;
use super::config::Config;
use super::counters::Counters;
use super::device::Device;
use super::lifetime::Connections;
use super::limits::Limits;
use super::listener::Listeners;
use crate::link::{Link, LinkCounters};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::{Poll, Waker};
use smoltcp::iface::{self, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{Socket, dhcpv4};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, Ipv4Cidr};

/// Packets taken in before anything is sent; bounds the work of one [`Stack::poll`].
const INGRESS_BATCH: usize = 64;

/// When to look again whether a full link has room, in microseconds, should it never say so.
const LOOK_AGAIN_US: u64 = 100_000;
/// Ports from here on are for connections of our own (RFC 6335).
const FIRST_EPHEMERAL_PORT: u16 = 0xc000;

/// A TCP/IP stack over one link. Clones name the same stack.
#[derive(Clone)]
pub struct Stack {
    inner: Rc<RefCell<Inner>>,
}

/// What the stack and its sockets share.
pub(super) struct Inner {
    pub(super) device: Device,
    pub(super) interface: Interface,
    pub(super) sockets: SocketSet<'static>,
    pub(super) connections: Connections,
    pub(super) listeners: Listeners,
    pub(super) limits: Limits,
    pub(super) now_us: u64,
    next_port: u16,
    dhcp: Option<SocketHandle>,
    /// Made by the first question.
    pub(super) resolver: Option<SocketHandle>,
    pub(super) addresses: Addresses,
    pub(super) address_wakers: Vec<Waker>,
    /// A socket has something to send, or a packet may have come in.
    active: bool,
    driver: Option<Waker>,
}

fn instant(now_us: u64) -> Instant {
    Instant::from_micros(i64::try_from(now_us).unwrap_or(i64::MAX))
}

impl Stack {
    /// A stack over `link`. `seed` makes sequence numbers and ports hard to guess; `now_us` is
    /// the time in microseconds.
    pub fn new(
        link: Box<dyn Link>,
        config: &Config,
        limits: Limits,
        seed: u64,
        now_us: u64,
    ) -> Self {
        let mac = link.mac();
        let mut device = Device::new(link);
        let mut settings = iface::Config::new(HardwareAddress::Ethernet(EthernetAddress(mac.0)));
        settings.random_seed = seed;
        let interface = Interface::new(settings, &mut device, instant(now_us));
        let mut inner = Inner {
            device,
            interface,
            sockets: SocketSet::new(Vec::new()),
            connections: Connections::new(limits),
            listeners: Listeners::default(),
            limits,
            now_us,
            next_port: FIRST_EPHEMERAL_PORT | {
                let [.., high, low] = seed.to_be_bytes();
                u16::from_be_bytes([high, low])
            },
            dhcp: None,
            resolver: None,
            addresses: Addresses::default(),
            address_wakers: Vec::new(),
            active: true,
            driver: None,
        };
        inner.add_link_local(mac);
        match config {
            Config::Dhcp => inner.dhcp = Some(inner.sockets.add(dhcpv4::Socket::new())),
            Config::Static(ipv4) => {
                let cidr = Ipv4Cidr::new(ipv4.address, ipv4.prefix);
                inner.set_addresses(Some(cidr), ipv4.gateway, ipv4.dns.clone());
            }
        }
        Self { inner: Rc::new(RefCell::new(inner)) }
    }

    pub(super) fn borrow(&self) -> RefMut<'_, Inner> {
        self.inner.borrow_mut()
    }

    /// Takes packets in, sends what sockets have to send, and moves connections on. Returns when
    /// to call again at the latest, in microseconds like `now_us`; `None` if nothing is timed.
    pub fn poll(&self, now_us: u64) -> Option<u64> {
        self.borrow().poll(now_us)
    }

    /// Ready when [`poll`](Self::poll) has something to do before its deadline. For one task.
    pub async fn activity(&self) {
        poll_fn(|context| {
            let mut inner = self.borrow();
            if core::mem::take(&mut inner.active) {
                return Poll::Ready(());
            }
            match &mut inner.driver {
                Some(driver) => driver.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            // The link wakes the task, which then finds `active` set.
            inner.active = true;
            inner.device.link.register(context.waker());
            Poll::Pending
        })
        .await;
    }

    /// The addresses now in use.
    pub fn addresses(&self) -> Addresses {
        self.borrow().addresses.clone()
    }

    /// Waits until there is an IPv4 address, and returns the addresses.
    pub async fn configured(&self) -> Addresses {
        poll_fn(|context| {
            let mut inner = self.borrow();
            if inner.addresses.own.iter().any(|(address, _)| address.is_ipv4()) {
                return Poll::Ready(inner.addresses.clone());
            }
            inner.address_wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// What the stack has counted.
    pub fn counters(&self) -> Counters {
        let inner = self.borrow();
        Counters { connections: inner.connections.in_use() as u64, ..inner.device.counters }
    }

    /// What the link has counted.
    pub fn link_counters(&self) -> LinkCounters {
        self.borrow().device.link.counters()
    }

    /// The bounds of this stack.
    pub fn limits(&self) -> Limits {
        self.borrow().limits
    }
}

impl Inner {
    /// Says that a socket has something to send.
    pub(super) fn wake_driver(&mut self) {
        self.active = true;
        if let Some(driver) = &self.driver {
            driver.wake_by_ref();
        }
    }

    fn poll(&mut self, now_us: u64) -> Option<u64> {
        self.now_us = now_us;
        self.active = false;
        self.ingress();
        let now = instant(now_us);
        while self.interface.poll_egress(now, &mut self.device, &mut self.sockets)
            == PollResult::SocketStateChanged
        {}
        self.interface.poll_maintenance(now);
        self.advance();
        self.poll_dhcp();
        self.device.link.flush();
        if self.active {
            return Some(now_us);
        }
        if !self.device.link.can_transmit() {
            // The link says when there is room; whoever waits for it would be due all the time.
            return Some(now_us + LOOK_AGAIN_US);
        }
        let timers = self.interface.poll_at(now, &self.sockets);
        let timers = timers.map(|at| u64::try_from(at.total_micros()).unwrap_or(0).max(now_us));
        timers.into_iter().chain(self.connections.deadline_us()).min()
    }

    /// Takes packets in, as long as there is room for what they may be answered with.
    fn ingress(&mut self) {
        let now = instant(self.now_us);
        for _ in 0..INGRESS_BATCH {
            if !self.device.link.can_transmit() {
                return;
            }
            let Some(packet) = self.device.next() else { return };
            let verdict = self.admit(&packet);
            self.device.pending = Some(packet);
            match verdict {
                Verdict::Drop => {}
                Verdict::Answer(reply) => self.device.send(reply),
                Verdict::Pass => self.ingest(now),
                Verdict::Request { handle, port } => {
                    self.ingest(now);
                    self.settle(handle, port);
                }
            }
            self.device.done();
        }
        self.active = true;
    }

    fn ingest(&mut self, now: Instant) {
        self.interface.poll_ingress_single(now, &mut self.device, &mut self.sockets);
    }

    fn poll_dhcp(&mut self) {
        let Some(handle) = self.dhcp else { return };
        let event = self.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll();
        let (address, gateway, dns) = match event {
            None => return,
            Some(dhcpv4::Event::Configured(lease)) => {
                (Some(lease.address), lease.router, lease.dns_servers.iter().copied().collect())
            }
            Some(dhcpv4::Event::Deconfigured) => (None, None, Vec::new()),
        };
        self.set_addresses(address, gateway, dns);
    }

    /// A port for a connection or datagrams of our own; they are taken in turn.
    pub(super) fn ephemeral_port(&mut self) -> u16 {
        // More ports than sockets: the loop ends.
        loop {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_EPHEMERAL_PORT);
            let taken = self.sockets.iter().any(|(_, socket)| match socket {
                Socket::Tcp(socket) => {
                    socket.local_endpoint().is_some_and(|local| local.port == port)
                }
                Socket::Udp(socket) => socket.endpoint().port == port,
                Socket::Dhcpv4(_) | Socket::Dns(_) | Socket::Icmp(_) => false,
            });
            if !taken && self.listeners.get(port).is_none() {
                return port;
            }
        }
    }
}
