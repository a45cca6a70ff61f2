// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which addresses the stack has.

use super::announcement::announcement;
use super::stack::Inner;
use crate::mac_address::MacAddress;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::task::Waker;
use smoltcp::wire::{IpCidr, Ipv4Cidr, Ipv6Cidr};

/// The addresses in use, by the configuration or from DHCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Own addresses and their prefix lengths.
    pub own: Vec<(IpAddr, u8)>,
    /// The IPv4 gateway.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
}

impl Inner {
    /// Takes the IPv6 address that the link's own address makes (RFC 4291, appendix A).
    pub(super) fn add_link_local(&mut self, mac: MacAddress) {
        let [a, b, c, d, e, f] = mac.0;
        let mut octets = [0; 16];
        octets[..2].copy_from_slice(&[0xfe, 0x80]);
        octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        let address = Ipv6Cidr::new(Ipv6Addr::from(octets), 64);
        self.interface.update_ip_addrs(|own| {
            // The first of IFACE_MAX_ADDR_COUNT addresses.
            let _ = own.push(IpCidr::Ipv6(address));
        });
        self.addresses.own.push((address.address().into(), 64));
    }

    /// Takes these addresses instead of the last ones, and announces its own.
    pub(super) fn set_addresses(
        &mut self,
        address: Option<Ipv4Cidr>,
        gateway: Option<Ipv4Addr>,
        dns: Vec<Ipv4Addr>,
    ) {
        // A foreign DHCP server must not be able to panic us with an address nobody can have.
        let address = address.filter(|cidr| {
            !cidr.address().is_multicast()
                && !cidr.address().is_broadcast()
                && !cidr.address().is_unspecified()
        });
        self.interface.update_ip_addrs(|own| {
            own.retain(|cidr| !matches!(cidr, IpCidr::Ipv4(_)));
            if let Some(cidr) = address {
                // There is room for IFACE_MAX_ADDR_COUNT addresses, and this is the only IPv4 one.
                let _ = own.push(IpCidr::Ipv4(cidr));
            }
        });
        self.interface.routes_mut().remove_default_ipv4_route();
        if let Some(cidr) = address {
            self.device.send(announcement(self.device.link.mac(), cidr.address()));
        }
        if let Some(gateway) = gateway {
            // The table has room: the only other entry was removed.
            let _ = self.interface.routes_mut().add_default_ipv4_route(gateway);
        }
        let own = self.interface.ip_addrs().iter();
        let own = own.map(|cidr| (IpAddr::from(cidr.address()), cidr.prefix_len())).collect();
        self.addresses = Addresses { own, gateway, dns };
        self.address_wakers.drain(..).for_each(Waker::wake);
    }
}
