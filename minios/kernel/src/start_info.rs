// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the domain builder told us.
use spin::Once;
use xen_abi::start_info::{SIF_INITDOMAIN, StartInfo};

/// The builder's page; of a PVH guest, what its `hvm_start_info` and parameters say in this form.
static START_INFO: Once<&'static StartInfo> = Once::new();

/// Remembers where the page is. Called once, by boot.
pub(crate) fn set(info: &'static StartInfo) {
    START_INFO.call_once(|| info);
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
