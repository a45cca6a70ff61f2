// SPDX-License-Identifier: MIT OR Apache-2.0
//! The task that drives a stack.

use super::{BadConfig, Config, Error, Limits, Stack};
use crate::net::link::Link;
use crate::netfront::{self, Netfront};
use crate::time::{Instant, with_deadline};
use crate::{PAGE_SIZE, command_line, memory, random, task};
use alloc::boxed::Box;
use core::fmt;

/// Why there is no network.
#[derive(Debug)]
pub enum StartError {
    /// The command line's addresses are wrong.
    Config(BadConfig),
    /// The interface cannot be used.
    Netfront(netfront::Error),
    /// A socket failed.
    Socket(Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Netfront(error) => write!(f, "network interface: {error}"),
            Self::Socket(error) => write!(f, "socket: {error}"),
        }
    }
}

impl core::error::Error for StartError {}

impl From<BadConfig> for StartError {
    fn from(error: BadConfig) -> Self {
        Self::Config(error)
    }
}

impl From<netfront::Error> for StartError {
    fn from(error: netfront::Error) -> Self {
        Self::Netfront(error)
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Socket(error)
    }
}

/// Connects the first network interface and runs a stack over it, with addresses as the command
/// line says: `ip=10.0.2.16/24 gw=10.0.2.2 dns=10.0.2.3`, or DHCP without an `ip=`.
///
/// # Errors
/// If the command line is wrong or the interface does not come up.
pub async fn start() -> Result<Stack, StartError> {
    let config = Config::parse(command_line())?;
    let link = Netfront::connect(0).await?;
    Ok(start_on(Box::new(link), &config))
}

/// Runs a stack over `link`, for as long as the domain runs.
#[must_use]
pub fn start_on(link: Box<dyn Link>, config: &Config) -> Stack {
    let limits = Limits::for_memory(memory::usage().total_pages * PAGE_SIZE);
    let stack = Stack::new(link, config, limits, random::u64(), Instant::now().as_micros());
    drop(task::spawn(drive(stack.clone())));
    stack
}

async fn drive(stack: Stack) {
    loop {
        let now = Instant::now();
        match stack.poll(now.as_micros()) {
            Some(at_us) if at_us <= now.as_micros() => task::yield_now().await,
            Some(at_us) => {
                // Either is a reason to poll again.
                let _ = with_deadline(Instant::from_micros(at_us), stack.activity()).await;
            }
            None => stack.activity().await,
        }
    }
}
