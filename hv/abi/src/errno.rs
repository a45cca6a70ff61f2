// SPDX-License-Identifier: MIT OR Apache-2.0
//! Error numbers of the interface (`public/errno.h`).
//!
//! A hypercall returns a value, or the negative number of an error.

use core::fmt::{self, Write};

/// The largest error number a return value can stand for.
const MAX_ERRNO: i64 = 4095;

macro_rules! errnos {
    ($($(#[$meta:meta])* $name:ident = $number:literal,)*) => {
        /// Why a hypercall failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i64)]
        pub enum Errno { $($(#[$meta])* $name = $number,)* }

        impl Errno {
            /// The error with this (positive) number.
            #[must_use]
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

errnos! {
    /// The caller may not do this.
    Eperm = 1,
    /// No such thing.
    Enoent = 2,
    /// No such domain.
    Esrch = 3,
    /// Interrupted.
    Eintr = 4,
    /// Input or output failed; also stands for unknown numbers.
    Eio = 5,
    /// No such device or address.
    Enxio = 6,
    /// Too many arguments.
    E2big = 7,
    /// Not a program.
    Enoexec = 8,
    /// Bad handle.
    Ebadf = 9,
    /// No child.
    Echild = 10,
    /// Try again.
    Eagain = 11,
    /// Out of memory.
    Enomem = 12,
    /// Access denied; also: wrong interface version.
    Eacces = 13,
    /// Bad guest address.
    Efault = 14,
    /// In use.
    Ebusy = 16,
    /// Already there.
    Eexist = 17,
    /// Across devices.
    Exdev = 18,
    /// No such device.
    Enodev = 19,
    /// Not a directory.
    Enotdir = 20,
    /// Is a directory.
    Eisdir = 21,
    /// Bad argument.
    Einval = 22,
    /// Table full.
    Enfile = 23,
    /// Too many open.
    Emfile = 24,
    /// No space.
    Enospc = 28,
    /// Read-only.
    Erofs = 30,
    /// Too many links.
    Emlink = 31,
    /// Argument out of the function's domain.
    Edom = 33,
    /// Out of range.
    Erange = 34,
    /// Would deadlock.
    Edeadlk = 35,
    /// Name too long.
    Enametoolong = 36,
    /// No lock.
    Enolck = 37,
    /// No such operation.
    Enosys = 38,
    /// Not empty.
    Enotempty = 39,
    /// No data.
    Enodata = 61,
    /// Timer expired.
    Etime = 62,
    /// Bad message.
    Ebadmsg = 74,
    /// Value too large.
    Eoverflow = 75,
    /// Bad byte sequence.
    Eilseq = 84,
    /// The call is to be made again.
    Erestart = 85,
    /// Not a socket.
    Enotsock = 88,
    /// Message too long.
    Emsgsize = 90,
    /// Not supported.
    Eopnotsupp = 95,
    /// Address in use.
    Eaddrinuse = 98,
    /// Address not available.
    Eaddrnotavail = 99,
    /// No buffer space.
    Enobufs = 105,
    /// Connected.
    Eisconn = 106,
    /// Not connected.
    Enotconn = 107,
    /// Timed out.
    Etimedout = 110,
    /// Connection refused.
    Econnrefused = 111,
}

impl Errno {
    /// The positive error number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// The error as a hypercall returns it: negative.
    #[must_use]
    pub const fn to_return(self) -> i64 {
        -self.number()
    }

    /// Splits a hypercall's return value. An error number without a name is [`Errno::Eio`].
    pub fn from_return(value: i64) -> Result<u64, Self> {
        if (-MAX_ERRNO..0).contains(&value) {
            return Err(Self::from_number(-value).unwrap_or(Self::Eio));
        }
        Ok(value.cast_unsigned())
    }
}

impl fmt::Display for Errno {
    /// `EINVAL`, `ENOSYS`, ...
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Upper<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Upper<'_, '_> {
            fn write_str(&mut self, s: &str) -> fmt::Result {
                s.chars().try_for_each(|c| self.0.write_char(c.to_ascii_uppercase()))
            }
        }
        write!(Upper(f), "{self:?}")
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn return_values() {
        assert_eq!(Errno::from_return(7), Ok(7));
        assert_eq!(Errno::from_return(-22), Err(Errno::Einval));
        assert_eq!(Errno::from_return(-4000), Err(Errno::Eio));
        assert_eq!(Errno::from_return(i64::MIN), Ok(1 << 63));
        assert_eq!(Errno::Enosys.to_return(), -38);
    }

    #[test]
    fn names() {
        assert_eq!(Errno::Einval.to_string(), "EINVAL");
        assert_eq!(Errno::E2big.to_string(), "E2BIG");
    }
}
