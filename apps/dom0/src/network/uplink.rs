// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task between the machine's network device and the switch.

use core::future::poll_fn;
use core::task::Poll;

use dom0_core::network::segmentation::segments;
use dom0_core::network::switch::{PortId, PortKind, QueueLimits};
use minios::net::link::{Capabilities, Checksum, MAX_PACKET, MacAddress, Packet};
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
    // What the device does not cut, `transmit` does on the way into its queue.
    let whole = Some(MAX_PACKET);
    let capabilities = Capabilities {
        segmentation_tcp_v4: whole,
        segmentation_tcp_v6: whole,
        ..device.capabilities()
    };
    let port = hub.add_port(PortKind::Uplink, capabilities, LIMITS).ok()?;
    drop(task::spawn(run(device, hub.clone(), port)));
    Some(mac)
}

async fn run(mut device: VirtioNet, hub: Hub, port: PortId) {
    loop {
        let received = receive(&mut device, &hub, port);
        let sent = transmit(&mut device, &hub, port);
        device.flush();
        if received >= BATCH || sent >= BATCH {
            task::yield_now().await;
            continue;
        }
        poll_fn(|cx| {
            hub.register(port, cx.waker());
            let wanted = hub.front(port, slots).unwrap_or(0);
            if wanted > 0 && wanted <= device.room() {
                return Poll::Ready(());
            }
            device.poll_ready(cx, wanted)
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
    while count < BATCH {
        let room = device.room();
        let Some(packet) = hub.take_if(port, |packet| slots(packet) <= room) else { break };
        count += slots(&packet);
        match segments(&packet) {
            Some(segments) => {
                for segment in segments {
                    device.transmit(Checksum::Valid, &[&segment.headers, segment.payload]);
                }
            }
            None => device.transmit(packet.checksum, &[packet.bytes()]),
        }
        hub.recycle(packet);
    }
    count
}

/// How many packets this makes on the wire. The switch lets no other segments pass than good ones.
fn slots(packet: &Packet) -> usize {
    segments(packet).map_or(1, |segments| segments.count_all())
}
