// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations on the two ends of a channel.
//!
//! The caller holds the locks of both tables, taken in the order of domain ids ([`lock_order`]);
//! a channel between ports of one domain has one table.

use super::port::{Channel, Port};
use super::table::{Bucket, EventTable};
use crate::supply::Supply;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::EvtchnPort;

/// The tables of a channel's two ends.
#[derive(Debug)]
pub enum Tables<'t, 'a> {
    /// Both ends are in one domain, or there is only one end.
    Same(&'t mut EventTable<'a>),
    /// The caller's and the other domain's.
    Two {
        /// Of the domain on whose behalf this happens.
        local: &'t mut EventTable<'a>,
        /// Of the other domain.
        remote: &'t mut EventTable<'a>,
    },
}

impl<'a> Tables<'_, 'a> {
    fn local(&mut self) -> &mut EventTable<'a> {
        match self {
            Self::Same(table) => table,
            Self::Two { local, .. } => local,
        }
    }

    fn remote(&mut self) -> &mut EventTable<'a> {
        match self {
            Self::Same(table) => table,
            Self::Two { remote, .. } => remote,
        }
    }
}

/// Which of two domains' tables is locked first.
#[must_use]
pub fn lock_order(one: DomId, other: DomId) -> (DomId, DomId) {
    if one <= other { (one, other) } else { (other, one) }
}

/// Connects a new local port to the port `remote_port` which the other domain offered. The caller
/// then raises the new port, since events sent before are lost otherwise. `EINVAL` if nothing is
/// offered there to this domain.
pub fn bind_interdomain<'a>(
    tables: &mut Tables<'_, 'a>,
    remote_port: EvtchnPort,
    supply: &mut impl Supply<'a, Bucket>,
) -> Result<EvtchnPort, Errno> {
    let local_domain = tables.local().domain();
    let remote_domain = tables.remote().domain();
    tables.local().free_port(supply)?;
    let offered = tables.remote().port(remote_port)?;
    if offered.channel != (Channel::Unbound { remote: local_domain }) {
        return Err(Errno::Einval);
    }
    let channel = Channel::Interdomain { remote: remote_domain, port: remote_port };
    let port = tables.local().allocate(channel, 0, supply)?;
    let channel = Channel::Interdomain { remote: local_domain, port };
    tables.remote().set(remote_port, Port { channel, vcpu: offered.vcpu });
    Ok(port)
}

/// Closes a port; the other end of a connection is offered to this domain again. Returns what the
/// port was, so that the caller can unbind a pirq; its pending bit is the caller's to clear.
/// `EINVAL` for a free port, `EAGAIN` if the port is connected to a domain other than the one
/// whose table was given: look again and lock that one.
pub fn close(tables: &mut Tables<'_, '_>, port: EvtchnPort) -> Result<Channel, Errno> {
    let was = tables.local().port(port)?.channel;
    match was {
        Channel::Closed => return Err(Errno::Einval),
        Channel::Interdomain { remote, port: remote_port } => {
            if tables.remote().domain() != remote {
                return Err(Errno::Eagain);
            }
            let domain = tables.local().domain();
            let vcpu = tables.remote().port(remote_port)?.vcpu;
            let offered = Port { channel: Channel::Unbound { remote: domain }, vcpu };
            tables.remote().set(remote_port, offered);
        }
        Channel::Unbound { .. } | Channel::Pirq { .. } | Channel::Virq { .. } | Channel::Ipi => {}
    }
    tables.local().free(port);
    Ok(was)
}

/// The domain whose table [`close`] needs besides, if the port is connected to another domain.
pub fn peer(table: &EventTable<'_>, port: EvtchnPort) -> Result<Option<DomId>, Errno> {
    match table.port(port)?.channel {
        Channel::Closed => Err(Errno::Einval),
        Channel::Interdomain { remote, .. } if remote != table.domain() => Ok(Some(remote)),
        _ => Ok(None),
    }
}
