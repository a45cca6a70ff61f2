// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the domain builder told us.
use core::sync::atomic::{AtomicU32, Ordering};

use spin::Once;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::start_info::{SIF_INITDOMAIN, StartInfo};

/// What the builder's page said at boot, to which others write when the domain is restored; of a PVH
/// guest, what its `hvm_start_info` and parameters say in this form.
static START_INFO: Once<StartInfo> = Once::new();
/// The ports of the rings, which change when the domain is restored.
static STORE_PORT: AtomicU32 = AtomicU32::new(0);
static CONSOLE_PORT: AtomicU32 = AtomicU32::new(0);

/// Remembers what it said. Called once, by boot.
pub(crate) fn set(info: &StartInfo) {
    START_INFO.call_once(|| *info);
    set_ports(info.store_evtchn, info.console_evtchn());
}

/// The rings have these ports now.
pub(crate) fn set_ports(store: EvtchnPort, console: EvtchnPort) {
    STORE_PORT.store(store.get(), Ordering::Relaxed);
    CONSOLE_PORT.store(console.get(), Ordering::Relaxed);
}

/// The port of the ring to xenstore.
pub(crate) fn store_port() -> EvtchnPort {
    EvtchnPort::new(STORE_PORT.load(Ordering::Relaxed))
}

/// The port of the console's ring.
pub(crate) fn console_port() -> EvtchnPort {
    EvtchnPort::new(CONSOLE_PORT.load(Ordering::Relaxed))
}

/// The builder's page as it was at boot. In a PVH guest it has no magic, no shared info, no p2m
/// list and no page tables.
///
/// ```no_run
/// log::info!("{} pages", minios::start_info().nr_pages);
/// ```
#[must_use]
pub fn start_info() -> &'static StartInfo {
    START_INFO.get().expect("boot sets it first")
}

/// Whether this is the first domain, which manages the others.
///
/// ```no_run
/// if minios::is_initial_domain() {
///     log::info!("the machine is mine");
/// }
/// ```
#[must_use]
pub fn is_initial_domain() -> bool {
    start_info().flags & SIF_INITDOMAIN != 0
}

/// The domain's command line: `extra` of its configuration.
#[must_use]
pub fn command_line() -> &'static str {
    start_info().cmd_line()
}

/// The value of `key=value` on the command line; "" for a bare `key`.
///
/// ```no_run
/// let greeting = minios::command_line_value("greeting").unwrap_or("hello");
/// log::info!("{greeting}");
/// ```
#[must_use]
pub fn command_line_value(key: &str) -> Option<&'static str> {
    minios_core::command_line::value(command_line(), key)
}
