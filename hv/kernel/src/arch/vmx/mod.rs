// SPDX-License-Identifier: MIT OR Apache-2.0
//! VT-x: a back end of [`crate::hvm`] ([`ControlBlock`](crate::hvm::control_block::ControlBlock)).
//!
//! Chapters and sections are those of Intel's SDM, volume 3. [`start`] looks for what is needed and
//! enters VMX operation; [`vmcs::Vmcs`] is the control block, whose fields ([`field`]) are read and
//! written by instructions ([`instruction`]); [`setup`] fills in those that stay; `enter.S` enters.
//!
//! EPT is used if a guest may run without paging (*unrestricted guest*); without, there is shadow
//! paging.
mod control_block;
mod exit;
mod features;
mod field;
mod instruction;
mod interrupt;
mod setup;
mod state;
mod vmcs;

pub use features::start;
