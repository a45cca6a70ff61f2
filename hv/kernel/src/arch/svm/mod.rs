// SPDX-License-Identifier: MIT OR Apache-2.0
//! AMD-V: a back end of [`crate::hvm`] ([`ControlBlock`](crate::hvm::control_block::ControlBlock)).
//!
//! [`start`] looks for it and turns it on, [`vmcb::Vmcb`] is the control block, and `enter.S` enters.
mod control_block;
mod exit;
mod features;
mod intercept;
mod state;
mod vmcb;

pub use features::start;
