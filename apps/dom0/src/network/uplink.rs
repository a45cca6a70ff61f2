// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task between the machine's network device and the switch.

use core::future::poll_fn;
use core::task::Poll;

use dom0_core::network::switch::{PortId, PortKind, QueueLimits};
use minios::net::link::MacAddress;
use minios::task;
use minios::virtio::VirtioNet;

use super::Hub;

/// Packets each way before other tasks have their turn.
const BATCH: usize = 128;

/// Large enough that a domain's burst of 64 KiB packets, cut into segments, does not overflow.
const LIMITS: QueueLimits = QueueLimits { packets: 1024, bytes: 2 << 20 };

/// Connects the device to the switch; returns its address, which becomes dom0's.
pub(super) fn start(device: VirtioNet, hub: &Hub) -> Option<MacAddress> {
    let mac = device.mac();
    let port = hub.add_port(PortKind::Uplink, device.capabilities(), LIMITS).ok()?;
    drop(task::spawn(run(device, hub.clone(), port)));
    Some(mac)
}

async fn run(mut device: VirtioNet, hub: Hub, port: PortId) {
    loop {
        let received = receive(&mut device, &hub, port);
        let sent = transmit(&mut device, &hub, port);
        device.flush();
        if received == BATCH || sent == BATCH {
            task::yield_now().await;
            continue;
        }
        poll_fn(|cx| {
            let waiting = hub.register(port, cx.waker());
            if waiting && device.can_transmit() {
                return Poll::Ready(());
            }
            device.poll_ready(cx)
        })
        .await;
    }
}

fn receive(device: &mut VirtioNet, hub: &Hub, port: PortId) -> usize {
    let mut count = 0;
    while count < BATCH
        && let Some(packet) = device.receive(|len| hub.buffer(len))
    {
        hub.forward(port, packet);
        count += 1;
    }
    count
}

fn transmit(device: &mut VirtioNet, hub: &Hub, port: PortId) -> usize {
    let mut count = 0;
    while count < BATCH
        && device.can_transmit()
        && let Some(packet) = hub.take(port)
    {
        device.transmit(&packet);
        hub.recycle(packet);
        count += 1;
    }
    count
}
