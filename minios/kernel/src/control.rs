// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers the toolstack, which asks a domU through xenstore to end, or to be saved.
use xen_abi::sched::ShutdownReason;

use crate::shutdown::shutdown;
use crate::start_info::is_initial_domain;
use crate::{suspend, task, xenstore};

/// Where the toolstack writes what it wants.
const REQUEST: &str = "control/shutdown";
/// Where a guest says which requests it knows.
const FEATURES: [&str; 3] =
    ["control/feature-poweroff", "control/feature-reboot", "control/feature-suspend"];

/// Begins to listen.
pub(crate) fn init() {
    if !is_initial_domain() {
        drop(task::spawn(async {
            if let Err(error) = serve().await {
                log::warn!("the toolstack's requests are not heard: {error}");
            }
        }));
    }
}

async fn serve() -> Result<(), xenstore::Error> {
    tell_features().await;
    let mut watch = xenstore::watch(REQUEST).await?;
    loop {
        watch.next().await;
        let Ok(request) = xenstore::read(REQUEST).await else { continue };
        if request.is_empty() {
            continue;
        }
        // An empty node says that the request was seen.
        let _ = xenstore::write(REQUEST, "").await;
        log::info!("the toolstack asks for: {request}");
        match request.as_str() {
            "poweroff" | "halt" => shutdown(ShutdownReason::Poweroff),
            "reboot" => shutdown(ShutdownReason::Reboot),
            "suspend" => {
                suspend::suspend().await;
                // The nodes of a restored domain are new.
                tell_features().await;
            }
            other => log::warn!("no answer to the request {other:?}"),
        }
    }
}

async fn tell_features() {
    for feature in FEATURES {
        // A toolstack without these nodes asks all the same.
        let _ = xenstore::write(feature, "1").await;
    }
}
