// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console daemon: one [`DomainConsole`] for each domain.

mod domain_console;

pub(crate) use domain_console::DomainConsole;
