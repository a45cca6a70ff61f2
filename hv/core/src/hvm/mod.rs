// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains in hardware virtualization (PVH): what does not depend on the processor's maker.
//!
//! - [`p2m`]: from the guest's frames to the machine's, which is also the second-level page table.
//! - [`paging`]: from an address of the guest to one of its frames, as its own tables say.
//! - [`trail`]: such a walk, not made again while nothing on its way has changed.
//! - [`shadow`]: both in one table, for a processor that walks one level of tables.
//! - [`instruction`]: how long an instruction is that the hypervisor executes for the guest.
//! - [`invlpg`]: which page such an instruction flushes.
//! - [`segment`], [`operand`]: which memory an instruction means.
//! - [`status_word`]: the old ways to CR0.
//! - [`delivery`]: what becomes of a fault while another one is being delivered.
//! - [`string_io`]: string instructions on ports.
//! - [`msr`], [`mtrr`], [`control`]: which registers and bits it may use.
//! - [`tag`]: which guest the processor's cached translations belong to.
//! - [`local_apic`]: the interrupt controller of a virtual CPU.
//! - [`params`]: its parameters (`hvm_op`), and who may set them.
//! - [`vmx`]: the numbers of VT-x.
//! - [`vcpu_context`]: the state in which another virtual CPU of the domain begins.
//! - [`context`]: a virtual CPU's state from the toolstack's records.
pub mod context;
pub mod control;
pub mod delivery;
pub mod instruction;
pub mod invlpg;
pub mod local_apic;
pub mod msr;
pub mod mtrr;
pub mod operand;
pub mod p2m;
pub mod paging;
pub mod params;
pub mod segment;
pub mod shadow;
pub mod status_word;
pub mod string_io;
pub mod tag;
pub mod trail;
pub mod vcpu_context;
pub mod vmx;
