// SPDX-License-Identifier: MIT OR Apache-2.0
//! Not a test: the partner of `ping`. It grants a page to the domain created after it, and adds one
//! to the number there whenever an event comes.
#![no_std]
#![no_main]

use minios::event_channel::EventChannel;
use minios::memory::SharedPages;
use minios::xenstore::{self, Access, Permission};
use minios::{DomId, Errno};
use test_guests::own_domid;

minios::entry!(pong);

async fn pong() -> Result<(), Errno> {
    let me = own_domid().await;
    let peer = DomId::new(me.get() + 1);
    let page = SharedPages::alloc(1)?;
    let channel = EventChannel::alloc_unbound(peer)?;
    let grant = minios::grant_table::grant_access(peer, &page, 0, false)?;
    let place = alloc::format!("{} {}", channel.port().get(), grant.reference().get());
    let readable = [Permission::new(me, Access::None), Permission::new(peer, Access::Read)];
    xenstore::write("data/pong", &place).await.map_err(|_| Errno::Eio)?;
    xenstore::set_permissions("data/pong", &readable).await.map_err(|_| Errno::Eio)?;
    log::info!("waiting for domain {}", peer.get());
    loop {
        channel.wait().await;
        page.store_u32(0, page.load_u32(0).wrapping_add(1));
        channel.notify();
    }
}

extern crate alloc;
