// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pure logic of the guest side, tested on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod area;
pub mod byte_ring;
pub mod command_line;
pub mod cpio;
pub mod grant_refs;
pub mod hvm_start_info;
pub mod link;
pub mod mac_address;
pub mod net;
pub mod netif;
pub mod packet;
pub mod page_bitmap;
pub mod page_ranges;
pub mod port_table;
pub mod random;
pub mod ring;
pub mod timer_queue;
pub mod xenstore;
