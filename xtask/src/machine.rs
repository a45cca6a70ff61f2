// SPDX-License-Identifier: MIT OR Apache-2.0
//! What emulators have in common: a machine is started, and a program has its serial port.
use std::{
    fs::File,
    io::{Read, Write},
    process::Child,
};

use anyhow::Result;

/// A machine that was started.
pub(crate) struct Started {
    /// The emulator.
    pub(crate) child: Child,
    /// What is written here, the machine receives.
    pub(crate) input: Box<dyn Write + Send>,
    /// What the machine sends.
    pub(crate) output: Box<dyn Read + Send>,
}

/// A machine that an emulator can start.
pub(crate) trait Emulated: Send {
    /// Starts it; what the emulator itself has to say goes to `errors`.
    fn start(&self, errors: File) -> Result<Started>;
}
