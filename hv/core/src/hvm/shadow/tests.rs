// SPDX-License-Identifier: MIT OR Apache-2.0
//! A processor that walks the shadow, beside a walk of the guest's own tables.
mod model;
mod rules;
mod sequences;
