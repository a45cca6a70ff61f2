// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Xen interface as types, shared by the hypervisor and its guests.
//!
//! One file per noun. Field order and meaning are those of Xen's public headers, which each file
//! names; sizes and offsets are checked when the crate is compiled. The start of a glossary is
//! [`frame`] (the kinds of frame numbers and addresses) and [`domain`] (who owns them).
//!
//! Three habits hold everywhere:
//! - a plain struct can be copied to and from bytes (zerocopy), so its padding is a field (`_pad`);
//! - a struct both sides write while the other reads consists of atomics ([`shared_info`]);
//! - a number becomes an enum by `TryFrom`, and an unknown number is [`errno::Errno::Enosys`].
//!
//! A guest pointer is a plain `u64`, a guest virtual address, until the hypervisor has checked it.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod macros;

pub mod console;
pub mod cpuid;
pub mod domain;
pub mod domctl;
pub mod elf_note;
pub mod errno;
pub mod event_channel;
pub mod frame;
pub mod grant_table;
pub mod hvm;
pub mod hvm_save;
pub mod hvm_start_info;
pub mod hvm_vcpu;
pub mod hypercall;
pub mod memory;
pub mod mmu;
pub mod multicall;
pub mod net;
pub mod nmi;
pub mod physdev;
pub mod platform;
pub mod ring;
pub mod sched;
pub mod shared_info;
pub mod start_info;
pub mod sysctl;
pub mod time;
pub mod trap;
pub mod vcpu;
pub mod version;
pub mod vm_assist;
pub mod xenbus;
pub mod xenstore;
