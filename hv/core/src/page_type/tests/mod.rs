// SPDX-License-Identifier: MIT OR Apache-2.0
pub(crate) mod fake;

mod attacks;
mod grants;
mod preempted;
mod rules;
