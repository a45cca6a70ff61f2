// SPDX-License-Identifier: MIT OR Apache-2.0
//! What dom0's console hears of a frontend, which may connect and fail as often as it likes.

use core::cell::Cell;
use core::fmt::Display;

use minios::net::link::MacAddress;

use super::Device;

/// Reports of each kind that are told.
const MOST: u32 = 8;

/// Tells of one frontend, but not of all that it does.
pub(super) struct Reports {
    pub(super) device: Device,
    connections: Cell<u32>,
    faults: Cell<u32>,
}

impl Reports {
    pub(super) fn new(device: Device) -> Self {
        Self { device, connections: Cell::new(0), faults: Cell::new(0) }
    }

    /// It is connected.
    pub(super) fn connected(&self, mac: MacAddress) {
        if is_told(&self.connections) {
            let Device { domain, handle } = self.device;
            log::info!("vif {}.{handle}: {mac} is connected", domain.get());
        }
    }

    /// It did something wrong.
    pub(super) fn fault(&self, fault: &dyn Display) {
        if is_told(&self.faults) {
            let Device { domain, handle } = self.device;
            log::warn!("vif {}.{handle}: {fault}", domain.get());
        }
    }
}

/// Counts a report; whether it is told.
fn is_told(count: &Cell<u32>) -> bool {
    count.replace(count.get().saturating_add(1)) < MOST
}
