// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task that keeps an interface connected while backends come and go.

use super::connect::connect;
use super::device::{Change, Device, Error};
use super::{Netfront, Shared};
use crate::net::link::{BadMacAddress, MacAddress};
use crate::time::{Duration, Timer};
use crate::{task, xenstore};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use xen_abi::xenbus::XenbusState;

/// Between two attempts that a backend refuses.
const PAUSE: Duration = Duration::from_secs(1);

/// Connects interface `index`, and sees to it from then on.
pub(super) async fn start(index: u32) -> Result<Netfront, Error> {
    let mut device = Device::find(index).await?;
    let mac: String = device.own("mac").await?.ok_or(Error::Missing)?;
    let mac: MacAddress =
        mac.parse().map_err(|BadMacAddress| Error::BadValue(format!("device/vif/{index}/mac")))?;
    let mtu = device.own("mtu").await?.unwrap_or(1500_usize).clamp(576, 9000);
    let connection = connect(&mut device, mtu).await?;
    log::info!("vif {index}: {mac}, mtu {mtu}");
    let capabilities = connection.capabilities;
    let shared = Rc::new(Shared::default());
    shared.replace(Some(connection));
    drop(task::spawn(supervise(index, mtu, device, shared.clone())));
    Ok(Netfront { mac, mtu, capabilities, shared })
}

/// Waits for the end of the connection, and makes another one; for ever.
async fn supervise(index: u32, mtu: usize, mut device: Device, shared: Rc<Shared>) {
    loop {
        if let Err(error) = serve(&mut device, &shared).await {
            log::warn!("vif {index}: {error}");
        }
        // What is left of the connection, if the interface itself is gone.
        drop(shared.replace(None));
        log::info!("vif {index}: the backend is gone");
        match reconnect(index, mtu, &shared).await {
            Ok(new) => device = new,
            Err(error) => return log::error!("vif {index}: {error}"),
        }
        log::info!("vif {index}: there is a backend again");
    }
}

/// Serves a connection until it ends, and takes leave of the backend. Returns when there may be
/// another one.
async fn serve(device: &mut Device, shared: &Shared) -> Result<(), Error> {
    loop {
        match device.look(XenbusState::Connected).await? {
            Change::Backend(XenbusState::Connected) => device.changed().await,
            Change::Backend(_) => break,
            Change::Replaced => return Ok(()),
        }
    }
    // The backend lets go of our pages when we are closed; only then are they ours again.
    let old = shared.replace(None);
    device.set_state(XenbusState::Closing).await?;
    device.set_state(XenbusState::Closed).await?;
    while let Change::Backend(XenbusState::Connected | XenbusState::Closing) =
        device.look(XenbusState::Closed).await?
    {
        device.changed().await;
    }
    drop(old);
    loop {
        match device.look(XenbusState::Closed).await? {
            Change::Backend(XenbusState::InitWait) | Change::Replaced => return Ok(()),
            Change::Backend(_) => device.changed().await,
        }
    }
}

/// Tries until there is a connection, at each change of the interface's directory.
async fn reconnect(index: u32, mtu: usize, shared: &Shared) -> Result<Device, Error> {
    let mut watch = xenstore::watch(&format!("device/vif/{index}")).await?;
    loop {
        watch.next().await;
        match try_connect(index, mtu, shared).await {
            Ok(device) => return Ok(device),
            // It is taken away, for the moment or for good.
            Err(Error::Missing) => continue,
            Err(error) => log::warn!("vif {index}: {error}"),
        }
        // Our own attempts are changes too.
        Timer::after(PAUSE).await;
    }
}

async fn try_connect(index: u32, mtu: usize, shared: &Shared) -> Result<Device, Error> {
    let mut device = Device::find(index).await?;
    let connection = connect(&mut device, mtu).await?;
    shared.replace(Some(connection));
    Ok(device)
}
