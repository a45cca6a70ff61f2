// SPDX-License-Identifier: MIT OR Apache-2.0
//! Being told when a path changes.
use alloc::string::{String, ToString};
use core::future::poll_fn;
use core::task::{Context, Poll};

use xen_abi::xenstore::MessageType;

use super::{Error, NO_TRANSACTION, client};

/// Events for a path; ends on drop.
#[derive(Debug)]
pub struct Watch {
    path: String,
    token: u32,
}

/// Watches a path and all below it. The first event comes at once.
///
/// # Errors
/// `EACCES`, `ENOSPC` beyond our quota.
pub async fn watch(path: &str) -> Result<Watch, Error> {
    let token = client::open_watch(path)?;
    // From here on, dropping it ends it again.
    let watch = Watch { path: path.to_string(), token };
    let text = token.to_string();
    client::call(MessageType::Watch, NO_TRANSACTION, &client::watch_parts(path, &text)).await?;
    Ok(watch)
}

impl Watch {
    /// The path of the next change: the one watched, or one below it.
    pub async fn next(&mut self) -> String {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next), for code that is polled.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        client::poll_watch(self.token, cx)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let token = self.token.to_string();
        let parts = client::watch_parts(&self.path, &token);
        client::send_only(MessageType::Unwatch, NO_TRANSACTION, &parts);
        client::close_watch(self.token);
    }
}
