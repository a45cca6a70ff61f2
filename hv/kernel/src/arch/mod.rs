// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine: one file for each device or group of instructions. The functions are safe to
//! call in the sense that the hypervisor owns the machine; what they may be used for is said at
//! each.
pub mod control;
pub mod cpu;
pub mod debug;
pub mod descriptors;
pub mod fpu_state;
pub mod interrupt_table;
pub mod ioapic;
pub mod lapic;
pub mod machine_check;
pub mod msr;
pub mod pci;
pub mod pic;
pub mod pit;
pub mod port;
pub mod power;
pub mod rtc;
pub mod serial;
#[cfg(debug_assertions)]
pub mod stack;
pub mod svm;
pub mod system_control;
pub mod tsc;
pub mod vmx;
