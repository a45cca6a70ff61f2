// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens when a domain ends: `on_poweroff`, `on_reboot` and `on_crash` of its
//! configuration.

use alloc::rc::Rc;
use alloc::vec::Vec;

use dom0_core::config::Action;
use minios::event_channel::EventChannel;
use minios::hypercall::sysctl;
use minios::time::{Duration, Timer};
use xen_abi::domain::DomId;
use xen_abi::domctl::DomainInfo;
use xen_abi::domctl::{DOMINF_DYING, DOMINF_SHUTDOWN, DOMINF_SHUTDOWN_MASK, DOMINF_SHUTDOWN_SHIFT};
use xen_abi::event_channel::Virq;
use xen_abi::sched::ShutdownReason;

use super::{Domain, Domains};

/// A domain that lived less than this failed at its start.
const QUICK: Duration = Duration::from_secs(5);
/// So many failures at the start in a row, and it is not made again.
const QUICK_RESTARTS_MAX: u32 = 3;
/// Domains asked for at a time.
const BATCH: u32 = 32;

impl Domains {
    /// Waits for domains that end, for ever.
    pub(crate) async fn watch_ends(self) {
        let ends = match EventChannel::bind_virq(Virq::DOM_EXC) {
            Ok(channel) => channel,
            Err(error) => return log::error!("ends of domains are not seen: {error}"),
        };
        loop {
            ends.wait().await;
            for info in domains_info() {
                let ended = info.flags & DOMINF_SHUTDOWN != 0 && info.flags & DOMINF_DYING == 0;
                let domain = self.all().into_iter().find(|domain| domain.id == info.domain);
                if let Some(domain) = domain
                    && ended
                    && !domain.ended.replace(true)
                {
                    self.ended(&domain, shutdown_reason(&info)).await;
                }
            }
        }
    }

    async fn ended(&self, domain: &Rc<Domain>, reason: Option<ShutdownReason>) {
        domain.console.finish();
        let name = &domain.config.name;
        let (what, action) = match reason {
            Some(ShutdownReason::Poweroff) => ("has powered off", domain.config.on_poweroff),
            Some(ShutdownReason::Reboot) => ("reboots", domain.config.on_reboot),
            Some(ShutdownReason::Suspend) => ("has suspended", Action::Preserve),
            _ => ("has crashed", domain.config.on_crash),
        };
        log::info!("{name} {what}");
        if action == Action::Preserve {
            return log::info!("{name} is kept; `destroy {name}` ends it");
        }
        let quick = domain.started.elapsed() < QUICK;
        if let Err(error) = self.destroy(domain).await {
            log::error!("{name} cannot be destroyed: {error}");
        }
        if action == Action::Restart {
            let restarts = if quick { domain.quick_restarts + 1 } else { 0 };
            self.restart(name, &domain.source, restarts).await;
        }
    }

    async fn restart(&self, name: &str, source: &str, quick_restarts: u32) {
        if quick_restarts > QUICK_RESTARTS_MAX {
            return log::error!("{name} failed {quick_restarts} times at its start: given up");
        }
        // A domain that fails at once must not keep dom0 from everything else.
        Timer::after(Duration::from_millis(u64::from(quick_restarts.saturating_sub(1)) * 200))
            .await;
        if let Err(error) = self.create_again(source, quick_restarts).await {
            log::error!("{name} does not come back: {error}");
        }
    }
}

/// What the hypervisor knows of all domains but this one.
pub(crate) fn domains_info() -> Vec<DomainInfo> {
    let mut all = Vec::new();
    let mut first = DomId::new(1);
    while let Ok(batch) = sysctl::domains(first, BATCH) {
        let Some(last) = batch.last() else { break };
        first = DomId::new(last.domain.get() + 1);
        all.extend(batch);
    }
    all
}

/// Why the domain shut down; `None` for a number without meaning.
pub(crate) fn shutdown_reason(info: &DomainInfo) -> Option<ShutdownReason> {
    let reason = info.flags >> DOMINF_SHUTDOWN_SHIFT & DOMINF_SHUTDOWN_MASK;
    ShutdownReason::try_from(reason).ok()
}
