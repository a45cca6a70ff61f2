// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much of the daemon's memory one domain may fill. dom0 is bound by none of these.

/// Limits for each unprivileged domain.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Nodes owned.
    pub nodes: usize,
    /// Bytes of one node: value, names of children, permissions.
    pub node_bytes: usize,
    /// Watches set.
    pub watches: usize,
    /// Transactions open at a time.
    pub transactions: usize,
    /// Distinct nodes touched in one transaction.
    pub transaction_nodes: usize,
    /// Bytes of paths and values changed in one transaction.
    pub transaction_bytes: usize,
    /// Watch events not yet fetched; more are dropped and counted.
    pub events: usize,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            nodes: 1000,
            node_bytes: 2048,
            watches: 128,
            transactions: 10,
            transaction_nodes: 256,
            transaction_bytes: 65_536,
            events: 512,
        }
    }
}
