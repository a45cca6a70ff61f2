// SPDX-License-Identifier: MIT OR Apache-2.0
//! One tiny guest per behaviour.
#![no_std]
#![forbid(unsafe_code)]
