// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the two sides tell each other through xenstore.

use minios_core::link::Capabilities;
use minios_core::packet::MAX_PACKET;

/// Keys and values that the backend writes before its state becomes 2 (InitWait).
pub const BACKEND_FEATURES: [(&str, &str); 7] = [
    ("feature-sg", "1"),
    ("feature-gso-tcpv4", "1"),
    ("feature-gso-tcpv6", "1"),
    ("feature-ipv6-csum-offload", "1"),
    ("feature-rx-copy", "1"),
    ("feature-rx-flip", "0"),
    ("feature-split-event-channels", "0"),
];

/// Most bytes of a packet that a frontend without scatter-gather receives: what fits in a page.
pub(super) const SLOT_BYTES: usize = 4096;

/// What a frontend says of the packets it can receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontendFeatures {
    /// `request-rx-copy`: it wants copies into its pages; nothing else is offered.
    pub rx_copy: bool,
    /// `feature-sg`: takes packets of several slots.
    pub scatter_gather: bool,
    /// `feature-gso-tcpv4`: takes TCP/IPv4 packets larger than the MTU.
    pub gso_tcp_v4: bool,
    /// `feature-gso-tcpv6`: the same for IPv6.
    pub gso_tcp_v6: bool,
    /// Not `feature-no-csum-offload`: takes IPv4 packets without a checksum.
    pub checksum: bool,
}

impl FrontendFeatures {
    /// Asks `flag` for each key: whether the frontend wrote a number that is not 0.
    pub fn read(flag: impl Fn(&str) -> bool) -> Self {
        Self {
            rx_copy: flag("request-rx-copy"),
            scatter_gather: flag("feature-sg"),
            gso_tcp_v4: flag("feature-gso-tcpv4"),
            gso_tcp_v6: flag("feature-gso-tcpv6"),
            checksum: !flag("feature-no-csum-offload"),
        }
    }

    /// What the switch may give to this port.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let whole = |gso: bool| (gso && self.checksum && self.scatter_gather).then_some(MAX_PACKET);
        Capabilities {
            transmit_checksum: self.checksum,
            segmentation_tcp_v4: whole(self.gso_tcp_v4),
            segmentation_tcp_v6: whole(self.gso_tcp_v6),
        }
    }
}
