// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::net::{BadConfig, Config, Ipv4Config};
use alloc::vec;
use core::net::Ipv4Addr;

#[test]
fn static_addresses() {
    let text = "console=hvc0 ip=10.0.2.16/24 gw=10.0.2.2 dns=10.0.2.3,1.1.1.1 quiet";
    let dns = vec![Ipv4Addr::new(10, 0, 2, 3), Ipv4Addr::new(1, 1, 1, 1)];
    let address = Ipv4Addr::new(10, 0, 2, 16);
    let gateway = Some(Ipv4Addr::new(10, 0, 2, 2));
    let expected = Config::Static(Ipv4Config { address, prefix: 24, gateway, dns });
    assert_eq!(Config::parse(text), Ok(expected));
}

#[test]
fn dhcp_is_the_default() {
    for text in ["", "ip=dhcp", "quiet gw=10.0.0.1"] {
        assert_eq!(Config::parse(text), Ok(Config::Dhcp));
    }
}

#[test]
fn a_wrong_word_is_named() {
    for word in ["ip=10.0.0", "ip=10.0.0.1/33", "ip=224.0.0.1", "gw=x", "dns=10.0.0.1,", "ip="] {
        assert_eq!(Config::parse(word), Err(BadConfig(word.into())));
    }
}
