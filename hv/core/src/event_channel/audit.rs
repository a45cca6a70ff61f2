// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a domain's ports are consistent with themselves and with their other ends.

use super::port::Channel;
use super::table::EventTable;
use core::fmt;
use xen_abi::domain::DomId;
use xen_abi::event_channel::EvtchnPort;

/// A broken rule, and the port which breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The domain.
    pub domain: DomId,
    /// Its port.
    pub port: EvtchnPort,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}: {}", self.domain, self.port, self.what)
    }
}

/// Checks the ports of one domain. `other_end` gives the channel of a port of a domain, or `None`
/// where the domain does not exist (or is gone).
pub fn check(
    table: &EventTable<'_>,
    other_end: impl Fn(DomId, EvtchnPort) -> Option<Channel>,
) -> Result<(), Difference> {
    let domain = table.domain();
    let mut next = table.next_in_use(EvtchnPort::new(0));
    while let Some(port) = next {
        let wrong = |what| Err(Difference { domain, port, what });
        match table.port(port) {
            Ok(entry) => match entry.channel {
                Channel::Interdomain { remote, port: remote_port } => {
                    if other_end(remote, remote_port)
                        != Some(Channel::Interdomain { remote: domain, port })
                    {
                        return wrong("the other end is not connected to this one");
                    }
                }
                Channel::Virq { virq } => {
                    if table.virq_port(virq, entry.vcpu) != Some(port)
                        && table.virq_port(virq, 0) != Some(port)
                    {
                        return wrong("the virq does not lead to the port");
                    }
                }
                Channel::Closed | Channel::Unbound { .. } | Channel::Pirq { .. } | Channel::Ipi => {
                }
            },
            Err(_) => return wrong("in use but not valid"),
        }
        if port.get() == 0 {
            return wrong("port 0 is in use");
        }
        next = table.next_in_use(EvtchnPort::new(port.get().saturating_add(1)));
    }
    Ok(())
}
