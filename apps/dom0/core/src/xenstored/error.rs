// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a request can be refused with: the names of docs/misc/xenstore.txt.

use core::fmt;

/// Why a request failed. On the wire it travels as its name (`xsd_errors` in io/xs_wire.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Ill-formed request, path or permission.
    Invalid,
    /// The domain may not do that.
    AccessDenied,
    /// The watch is there already.
    Exists,
    /// No such node, watch or transaction.
    NotFound,
    /// A quota is used up.
    NoSpace,
    /// Unknown kind of request.
    NotSupported,
    /// The transaction met a conflict: start it again.
    Again,
    /// The answer does not fit in a message.
    TooBig,
    /// Only the privileged domain may do that.
    NotPermitted,
    /// Too many open transactions.
    Busy,
}

impl Error {
    /// The name sent on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "EINVAL",
            Self::AccessDenied => "EACCES",
            Self::Exists => "EEXIST",
            Self::NotFound => "ENOENT",
            Self::NoSpace => "ENOSPC",
            Self::NotSupported => "ENOSYS",
            Self::Again => "EAGAIN",
            Self::TooBig => "E2BIG",
            Self::NotPermitted => "EPERM",
            Self::Busy => "EBUSY",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Error {}
