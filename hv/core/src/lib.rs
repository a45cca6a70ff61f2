// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policy and state machines of the hypervisor, without hardware, tested on the host.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation,
    )
)]

#[cfg(test)]
extern crate std;

pub mod acpi;
#[cfg(debug_assertions)]
pub mod audit;
pub mod bounce;
pub mod buddy;
pub mod cpuid;
pub mod descriptor;
pub mod domain_life;
pub mod emulate;
pub mod event_channel;
pub mod extended_state;
pub mod frame_memory;
pub mod frame_table;
pub mod grant_table;
pub mod guest_range;
pub mod hvm;
pub mod instruction_bytes;
pub mod log_ring;
pub mod memory_op;
pub mod page_info;
pub mod page_list;
pub mod page_table;
pub mod page_type;
pub mod pci;
pub mod runstate;
pub mod scheduler;
pub mod supply;
pub mod table_write;
pub mod timer;
pub mod word;
