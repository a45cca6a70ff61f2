// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pure logic of the guest side, tested on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod link;
pub mod mac_address;
pub mod net;
pub mod netif;
pub mod packet;
pub mod ring;
