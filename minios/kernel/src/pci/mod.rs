// SPDX-License-Identifier: MIT OR Apache-2.0
//! PCI devices: how the first domain finds them, reaches their registers and gets their
//! interrupts (PCI Local Bus Specification 3.0).

mod config;
mod function;
mod interrupt;

pub(crate) use function::{Function, Registers, functions};
pub(crate) use interrupt::Interrupt;
