// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor image: the only code in ring 0.
//!
//! `boot` brings the machine from the loader to the first domain. After that ring 0 is entered by
//! `entry` only: a hypercall goes to `hypercall`, a fault of a guest is emulated or bounced back
//! to it (`trap`), an interrupt raises an event. On the way out events are delivered and, where
//! needed, another vCPU is chosen (`schedule`). Ring 0 runs with interrupts off except in idle.
#![no_std]
#![no_main]

#[cfg(bare)]
extern crate bare;

mod arch;
mod backtrace;
mod boot;
mod current;
mod domain;
mod entry;
mod guest_ptr;
mod hypercall;
mod interrupt;
mod io_permissions;
mod log;
mod memory;
mod panic;
mod pcpu;
mod registers;
mod run_cell;
mod schedule;
mod segment;
mod time;
mod trap;
mod vcpu;
