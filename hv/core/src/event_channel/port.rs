// SPDX-License-Identifier: MIT OR Apache-2.0
//! One port: what it is connected to, and where an event sent on it goes.

use xen_abi::domain::DomId;
use xen_abi::event_channel::{EvtchnPort, PortState, Virq};

/// What a port is connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// Nothing: free.
    #[default]
    Closed,
    /// Offered to a domain.
    Unbound {
        /// The domain that may connect.
        remote: DomId,
    },
    /// Connected to a port of a domain.
    Interdomain {
        /// The other domain (or the same).
        remote: DomId,
        /// Its port.
        port: EvtchnPort,
    },
    /// A physical interrupt.
    Pirq {
        /// Which.
        pirq: u32,
    },
    /// A virtual interrupt.
    Virq {
        /// Which.
        virq: Virq,
    },
    /// From vcpu to vcpu.
    Ipi,
}

impl Channel {
    /// The state as `EVTCHNOP_status` names it.
    #[must_use]
    pub const fn state(self) -> PortState {
        match self {
            Self::Closed => PortState::Closed,
            Self::Unbound { .. } => PortState::Unbound,
            Self::Interdomain { .. } => PortState::Interdomain,
            Self::Pirq { .. } => PortState::Pirq,
            Self::Virq { .. } => PortState::Virq,
            Self::Ipi => PortState::Ipi,
        }
    }
}

/// One port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// What it is connected to.
    pub channel: Channel,
    /// The vcpu to notify.
    pub vcpu: u32,
}

impl Port {
    /// A free port.
    pub const CLOSED: Self = Self { channel: Channel::Closed, vcpu: 0 };
}

/// Where a `send` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere, silently: nobody has connected yet.
    Nobody,
    /// To a port of this domain.
    Own {
        /// The port to raise.
        port: EvtchnPort,
        /// The vcpu it notifies.
        vcpu: u32,
    },
    /// To a port of another domain.
    Remote {
        /// The domain.
        domain: DomId,
        /// Its port.
        port: EvtchnPort,
    },
}
