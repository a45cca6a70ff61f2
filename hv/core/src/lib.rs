// SPDX-License-Identifier: MIT OR Apache-2.0
//! Policy and state machines of the hypervisor, without hardware, tested on the host.
#![no_std]
#![forbid(unsafe_code)]
