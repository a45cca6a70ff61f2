// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Verdict`]: the four ways in which a test can end by itself.

/// How a test ended, from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything holds.
    #[default]
    Success,
    /// The test does not apply here.
    Skip,
    /// The test could not be carried out.
    Error,
    /// Something does not hold.
    Failure,
}
