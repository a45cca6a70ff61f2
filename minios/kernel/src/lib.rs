// SPDX-License-Identifier: MIT OR Apache-2.0
//! A unikernel library: what an app links to boot as a Xen guest.
//!
//! An app is an async `main`:
//!
//! ```no_run
//! #![no_std]
//! #![no_main]
//! #![forbid(unsafe_code)]
//!
//! minios::entry!(main);
//!
//! async fn main() {
//!     log::info!("hello from domain {}", minios::command_line());
//! }
//! ```
//!
//! The domain powers off when `main` returns. Everything else is in the modules; those that most
//! apps use are [`task`], [`time`], [`console`] and `net`. Below them lies what drivers use:
//! [`event_channel`], [`memory`], [`grant_table`], [`hypercall`].
#![no_std]

extern crate alloc;
// The symbols that the compiler expects of a C library.
extern crate bare;
// Checks, lints and examples are compiled for the host; std's panic handler and allocator serve
// them. Nothing of it is in an image.
#[cfg(not(bare))]
extern crate std;

pub use arch::platform::{GuestType, guest_type};
pub use log;
pub use minios_core;
pub use shutdown::shutdown;
pub use start_info::{command_line, command_line_value, is_initial_domain, start_info};
pub use xen_abi;
pub use xen_abi::domain::DomId;
pub use xen_abi::errno::Errno;
pub use xen_abi::event_channel::{EvtchnPort, Virq};
pub use xen_abi::frame::{Maddr, Mfn, PAGE_SIZE, Pfn};
pub use xen_abi::grant_table::GrantRef;
pub use xen_abi::sched::ShutdownReason;

mod arch;
mod boot;
pub mod console;
mod control;
mod crash;
mod dma;
pub mod event_channel;
pub mod grant_table;
pub mod hypercall;
mod lock;
pub mod memory;
pub mod net;
pub mod netfront;
mod pci;
pub mod ramdisk;
pub mod random;
mod shutdown;
mod start_info;
mod suspend;
pub mod task;
pub mod time;
pub mod trap;
mod upcall;
pub mod virtio;
pub mod xenstore;

/// Makes `$main`, an async function without arguments, what the domain runs.
///
/// It returns nothing, or a `Result` whose error is logged and ends the domain as a crash.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "Rust" fn minios_app_main() -> $crate::task::Main {
            $crate::task::main_from($main())
        }
    };
}
