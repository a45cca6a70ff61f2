// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network interfaces that go and come while their domain runs.

use alloc::format;
use alloc::string::String;

use minios::task;
use minios::time::{Duration, Timer};

use super::{Domain, Domains};

/// How long a domain may take to close its interfaces, and how often to look.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(10);

impl Domains {
    /// Takes a domain's network interfaces away, as it agrees, or else without asking.
    pub(crate) async fn detach_vifs(&self, domain: &Domain) -> Result<(), String> {
        let (nodes, store) = (&domain.nodes, self.store());
        if !nodes.has_vifs(store) {
            return Err(format!("{} has no network interface", domain.config.name));
        }
        nodes.close_vifs(store).map_err(|error| format!("xenstore says {error}"))?;
        let mut left = PATIENCE;
        while !nodes.vifs_are_closed(store) {
            let Some(less) = left.checked_sub(LOOK) else {
                log::warn!("{} does not close its network interface", domain.config.name);
                break;
            };
            left = less;
            Timer::after(LOOK).await;
        }
        // The backends hear of the removed nodes and let go of the domain's pages.
        nodes.remove_vifs(store);
        task::yield_now().await;
        Ok(())
    }

    /// Gives a domain its network interfaces again.
    pub(crate) fn attach_vifs(&self, domain: &Domain) -> Result<(), String> {
        let (nodes, store) = (&domain.nodes, self.store());
        if nodes.has_vifs(store) {
            return Err(format!("{} has its network interfaces", domain.config.name));
        }
        nodes.write_vifs(store).map_err(|error| format!("xenstore says {error}"))
    }
}
