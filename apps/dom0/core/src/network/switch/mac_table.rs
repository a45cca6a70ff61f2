// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses are behind which port, as learned from what they sent.

use alloc::collections::BTreeMap;

use minios_core::mac_address::MacAddress;

use super::PortId;

/// An address that was silent for so long is forgotten.
const AGE_US: u64 = 300 * 1_000_000;
/// Addresses that are kept at most.
const CAPACITY: usize = 1024;

#[derive(Clone, Copy)]
struct Entry {
    port: PortId,
    seen_us: u64,
}

/// Learned addresses: bounded, and old ones are forgotten.
#[derive(Default)]
pub struct MacTable {
    entries: BTreeMap<MacAddress, Entry>,
}

impl MacTable {
    /// Notes that `mac` sent through `port`. When the table is full of fresh addresses, nothing
    /// new is learned.
    pub fn learn(&mut self, mac: MacAddress, port: PortId, now_us: u64) {
        let entry = Entry { port, seen_us: now_us };
        if let Some(known) = self.entries.get_mut(&mac) {
            *known = entry;
            return;
        }
        if self.entries.len() >= CAPACITY {
            self.entries.retain(|_, entry| is_fresh(entry, now_us));
        }
        if self.entries.len() < CAPACITY {
            self.entries.insert(mac, entry);
        }
    }

    /// The port behind which `mac` is.
    #[must_use]
    pub fn find(&self, mac: MacAddress, now_us: u64) -> Option<PortId> {
        let entry = self.entries.get(&mac).filter(|entry| is_fresh(entry, now_us))?;
        Some(entry.port)
    }

    /// Forgets one address.
    pub fn forget(&mut self, mac: MacAddress) {
        self.entries.remove(&mac);
    }

    /// Forgets all addresses behind a port.
    pub fn forget_port(&mut self, port: PortId) {
        self.entries.retain(|_, entry| entry.port != port);
    }

    /// The number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn is_fresh(entry: &Entry, now_us: u64) -> bool {
    now_us.saturating_sub(entry.seen_us) < AGE_US
}
