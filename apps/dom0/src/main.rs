// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first domain: it makes all others, and serves them xenstore, console and network.
//!
//! Start reading here, then `toolstack`. What needs no hypervisor is in the crate `dom0-core`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod files;
mod network;
mod prompt;
mod terminal;
mod toolstack;
mod xenstored;

use dom0_core::store::Store;
use dom0_core::{domain_nodes, xenstored::Error};
use minios::task;

use crate::network::Network;
use crate::toolstack::Domains;

minios::entry!(main);

async fn main() {
    terminal::init(); // from here on log lines and the prompt share the serial line
    let store = match new_store() {
        Ok(store) => store, // direct calls; the domains' rings come with each domain
        Err(error) => return log::error!("xenstore cannot be set up: {error}"),
    };
    let network = match Network::start(&store) {
        Ok(network) => network, // the device, the switch, dom0's own stack; backends as domains come
        Err(error) => return log::error!("the network cannot be set up: {error}"),
    };
    let domains = Domains::new(store.clone());
    drop(task::spawn(domains.clone().watch_ends())); // restarts and cleans up what ended
    domains.create_all().await; // etc/xen/auto/*.cfg of the ramdisk, in order
    log::info!("dom0 is ready; `help` tells what can be typed here");
    prompt::run(domains, store, network).await;
}

fn new_store() -> Result<Store, Error> {
    let store = Store::default();
    domain_nodes::write_dom0(&store)?;
    Ok(store)
}
