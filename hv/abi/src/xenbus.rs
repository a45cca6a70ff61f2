// SPDX-License-Identifier: MIT OR Apache-2.0
//! The states two device halves go through together (`public/io/xenbus.h`).

use core::{fmt, str::FromStr};

number_enum! {
    /// The value of a device's `state` node, decimal text.
    pub enum XenbusState: u8 {
        /// None yet, or unreadable.
        Unknown = 0,
        /// Starting.
        Initialising = 1,
        /// Backend: waits for the frontend.
        InitWait = 2,
        /// Frontend: rings and port are in the store.
        Initialised = 3,
        /// Working.
        Connected = 4,
        /// Ending.
        Closing = 5,
        /// Ended.
        Closed = 6,
        /// Changing.
        Reconfiguring = 7,
        /// Changed.
        Reconfigured = 8,
    }
}

impl XenbusState {
    /// The text in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "0",
            Self::Initialising => "1",
            Self::InitWait => "2",
            Self::Initialised => "3",
            Self::Connected => "4",
            Self::Closing => "5",
            Self::Closed => "6",
            Self::Reconfiguring => "7",
            Self::Reconfigured => "8",
        }
    }
}

impl FromStr for XenbusState {
    type Err = crate::errno::Errno;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: u8 = text.trim().parse().map_err(|_| Self::Err::Einval)?;
        Self::try_from(number)
    }
}

impl fmt::Display for XenbusState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        for number in 0..9 {
            let state = XenbusState::try_from(number).unwrap();
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("9".parse::<XenbusState>().is_err());
        assert!("".parse::<XenbusState>().is_err());
    }
}
