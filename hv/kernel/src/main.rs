// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor image: the only code in ring 0.
//!
//! `boot` brings the machine from the loader to the first domain. After that ring 0 is entered by
//! `entry` only: a hypercall goes to `hypercall`, a fault of a guest is emulated or bounced back
//! to it (`trap`), an interrupt raises an event. On the way out events are delivered and, where
//! needed, another vCPU is chosen (`schedule`). Ring 0 runs with interrupts off except in idle.
#![no_std]
#![no_main]
#![expect(unreachable_pub, reason = "in a binary, pub says that other modules use an item")]

#[cfg(bare)]
extern crate bare;

mod address_space;
mod arch;
mod backtrace;
mod boot;
mod console;
mod current;
mod debugreg;
mod descriptor_window;
mod domain;
mod emulate;
mod entry;
mod events;
mod extended_state;
mod grants;
mod guest_areas;
mod guest_ptr;
mod hvm;
mod hypercall;
mod interrupt;
mod io_permissions;
mod life;
mod log;
mod machine;
mod memory;
mod msi;
mod nmi;
mod panic;
mod pcpu;
mod pirq;
mod registers;
mod run_cell;
mod schedule;
mod segment;
mod switch;
mod time;
mod trap;
mod vcpu;
