// SPDX-License-Identifier: MIT OR Apache-2.0
//! The toolstack: makes domains from configurations, watches them end, cleans up behind them.
//!
//! [`Domains`] is what the prompt talks to. `create` holds the recipe for one domain, `memory` how
//! its pages are reached while it is built.

mod create;
mod domains;
mod ends;
mod interfaces;
mod memory;
mod uuid;

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::{Cell, RefCell};

use alloc::vec::Vec;
use dom0_core::config::DomainConfig;
use dom0_core::domain_nodes::DomainNodes;
use minios::task::JoinHandle;
use minios::time::Instant;
use xen_abi::domain::DomId;

use crate::console::DomainConsole;

pub(crate) use domains::Domains;
pub(crate) use ends::{domains_info, shutdown_reason};

/// A domain that this toolstack made.
pub(crate) struct Domain {
    /// Its id.
    pub(crate) id: DomId,
    /// What it was made from.
    pub(crate) config: DomainConfig,
    /// Its console.
    pub(crate) console: Rc<DomainConsole>,
    /// The configuration's file, to make it again from.
    source: String,
    nodes: DomainNodes,
    /// The tasks that serve its rings.
    services: RefCell<Vec<JoinHandle<()>>>,
    started: Instant,
    /// How many times in a row it was made again soon after its start.
    quick_restarts: u32,
    /// It ended, and is kept to be looked at.
    ended: Cell<bool>,
}
