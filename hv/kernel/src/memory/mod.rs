// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's view of machine memory.
pub mod direct_map;
pub mod domain_frames;
pub mod fixed_map;
pub mod frames;
pub mod layout;
pub mod relinquish;
pub mod table_page;
