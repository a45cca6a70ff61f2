// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of VT-x can be decided without a processor: numbers that it gives and takes, as types
//! (Intel SDM volume 3, chapters 25 to 28 and appendix A).
//!
//! - [`capability`]: which bits of control fields and control registers it wants and allows.
//! - [`event`]: exceptions and interrupts, as they are injected and as an exit broke them off.
//! - [`qualification`]: what an exit says of the instruction or access.
//! - [`segment`]: attributes of segment registers.
pub mod capability;
pub mod event;
pub mod qualification;
pub mod segment;
