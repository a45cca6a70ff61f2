// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task that serves one domain's xenstore ring.

use core::future::poll_fn;
use core::task::Poll;

use dom0_core::store::Store;
use dom0_core::xenstored::RingService;
use minios::event_channel::EventChannel;
use minios::memory::SharedPages;
use minios::task::yield_now;
use xen_abi::domain::DomId;

/// Serves the ring of `domid` until the task is cancelled.
pub(crate) async fn serve(domid: DomId, page: SharedPages, channel: EventChannel, store: Store) {
    let mut service = RingService::new(domid);
    while !service.is_broken() {
        let turn =
            poll_fn(|cx| Poll::Ready(service.turn(&page, &mut store.daemon(), Some(cx.waker()))));
        let turn = turn.await;
        if turn.notify {
            channel.notify();
        }
        if turn.again {
            yield_now().await;
        } else {
            woken(&channel).await;
        }
    }
    log::warn!("{domid} broke the xenstore protocol and is no longer served");
}

/// Waits for an event of the domain, or for the waker that the last turn left with the store.
async fn woken(channel: &EventChannel) {
    let mut slept = false;
    poll_fn(|cx| {
        if channel.poll_wait(cx).is_ready() || core::mem::replace(&mut slept, true) {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
