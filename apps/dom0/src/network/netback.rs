// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backends as the toolstack asks for them: a task for each directory `backend/vif/DOMID/HANDLE`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dom0_core::store::Store;
use minios::DomId;
use minios::task::{self, JoinHandle};

use super::Hub;
use super::vif::{Device, serve};

/// Where dom0's network backends are.
const BACKENDS: &str = "/local/domain/0/backend/vif";

/// Starts and ends backends, for as long as dom0 runs.
pub(super) async fn run(store: Store, hub: Hub) {
    let mut watch = match store.watch(BACKENDS) {
        Ok(watch) => watch,
        Err(error) => return log::error!("netback: {BACKENDS} cannot be watched: {error}"),
    };
    let mut running: BTreeMap<Device, JoinHandle<()>> = BTreeMap::new();
    loop {
        watch.next().await;
        while watch.try_next().is_some() {}
        let wanted = wanted(&store);
        let ended: Vec<Device> =
            running.keys().filter(|device| !wanted.contains_key(device)).copied().collect();
        for device in ended {
            if let Some(task) = running.remove(&device) {
                task.cancel().await;
            }
        }
        for (device, frontend) in wanted {
            running.entry(device).or_insert_with(|| {
                let (store, hub) = (store.clone(), hub.clone());
                task::spawn(serve(store, hub, device, frontend))
            });
        }
    }
}

/// The devices that have a directory which is complete, with their frontends' paths.
fn wanted(store: &Store) -> BTreeMap<Device, String> {
    let mut devices = BTreeMap::new();
    for domain in store.directory(BACKENDS).unwrap_or_default() {
        for handle in store.directory(&format!("{BACKENDS}/{domain}")).unwrap_or_default() {
            let Some(device) = parse(&domain, &handle) else { continue };
            let backend = device.backend();
            if store.exists(&format!("{backend}/state"))
                && let Ok(frontend) = store.read(&format!("{backend}/frontend"))
            {
                devices.insert(device, frontend);
            }
        }
    }
    devices
}

fn parse(domain: &str, handle: &str) -> Option<Device> {
    Some(Device { domain: DomId::new(domain.parse().ok()?), handle: handle.parse().ok()? })
}
