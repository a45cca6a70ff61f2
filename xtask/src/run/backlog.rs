// SPDX-License-Identifier: MIT OR Apache-2.0
//! A wider backlog for the port that QEMU forwards.
//!
//! QEMU's user network listens with a backlog of 1. Of many connections made at once this host's
//! kernel then delays all but two by 1, 2, 4, ... up to 60 seconds, whatever the guest does. The
//! backlog belongs to the socket and may be set again by whoever has it, and the parent of a
//! process may take its sockets (`pidfd_getfd(2)`, Linux 5.6).
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::fd::OwnedFd,
};

use rustix::{
    net::{getsockname, listen, sockopt::socket_acceptconn},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

/// Connections that may wait for QEMU.
const BACKLOG: i32 = 128;

/// Widens the backlog of `port` of this host, on which a QEMU of ours listens. Where the kernel
/// does not let us, everything works as before.
pub(super) fn widen(port: u16) {
    for pid in machines() {
        if let Some(socket) = listening_socket(pid, port) {
            // Nothing is lost if it fails.
            let _ = listen(&socket, BACKLOG);
        }
    }
}

/// The processes that are QEMU.
fn machines() -> impl Iterator<Item = i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| {
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        name.starts_with("qemu-system").then_some(pid)
    })
}

/// The socket of process `pid` that listens on `port`.
fn listening_socket(pid: i32, port: u16) -> Option<OwnedFd> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let sockets = files.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        let number = entry.file_name().to_str()?.parse().ok()?;
        target.to_str()?.starts_with("socket:").then_some(number)
    });
    sockets
        .filter_map(|number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok())
        .find(|socket| is_listening_on(socket, port))
}

fn is_listening_on(socket: &OwnedFd, port: u16) -> bool {
    let wanted = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    let address = getsockname(socket).ok().and_then(|address| SocketAddr::try_from(address).ok());
    address == Some(wanted) && socket_acceptconn(socket).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::is_listening_on;

    #[test]
    fn tells_a_listening_socket_from_others() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_listening_on(&listener.try_clone().unwrap().into(), port ^ 1));
        assert!(is_listening_on(&listener.into(), port));
    }
}
