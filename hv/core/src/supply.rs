// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the tables of a domain get their memory.

use xen_abi::errno::Errno;

/// Gives pages of entries, charged to one domain, one at a time and with the chance to fail.
pub trait Supply<'a, T> {
    /// A page of empty entries; `ENOMEM` if there is no memory or the domain may have no more.
    fn page(&mut self) -> Result<&'a mut T, Errno>;
}

impl<'a, T, F: FnMut() -> Result<&'a mut T, Errno>> Supply<'a, T> for F
where
    T: 'a,
{
    fn page(&mut self) -> Result<&'a mut T, Errno> {
        self()
    }
}
