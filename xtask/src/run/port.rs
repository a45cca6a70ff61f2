// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ports of this host.
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};

const USUAL: u16 = 8080;

/// The port that was asked for, or the usual one, or a free one if that is taken.
pub(super) fn choose(asked: Option<u16>) -> Result<u16> {
    match asked {
        Some(port) if is_free(port) => Ok(port),
        Some(port) => bail!("port {port} is taken: leave --port out to get a free one"),
        None if is_free(USUAL) => Ok(USUAL),
        None => any_free(),
    }
}

/// A port that nobody uses at the moment.
pub(crate) fn any_free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{any_free, choose};

    #[test]
    fn a_taken_port_is_refused() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(choose(Some(port)).unwrap_err().to_string().contains("is taken"));
        assert_ne!(any_free().unwrap(), port);
    }
}
