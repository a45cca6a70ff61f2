// SPDX-License-Identifier: MIT OR Apache-2.0
//! An interface as xenstore has it: a directory of ours, and one of the backend's
//! (`public/io/xenbus.h`).

use crate::xenstore::{Error as StoreError, Watch};
use crate::{Errno, xenstore};
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use embassy_futures::select::select;
use xen_abi::xenbus::XenbusState;

/// Why an interface cannot be used.
#[derive(Debug)]
pub enum Error {
    /// Xenstore has no such interface.
    Missing,
    /// A xenstore node has a value that means nothing; holds its path.
    BadValue(String),
    /// The backend went away or does not copy received packets.
    Backend,
    /// The hypervisor refused.
    Errno(Errno),
    /// Xenstore refused.
    Store(StoreError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the domain has none"),
            Self::BadValue(path) => write!(f, "{path} has a value that means nothing"),
            Self::Backend => f.write_str("the backend cannot be used"),
            Self::Errno(errno) => write!(f, "{errno:?}"),
            Self::Store(error) => write!(f, "xenstore: {error}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The two directories, and what changes in them.
pub(super) struct Device {
    front: String,
    back: String,
    watches: [Watch; 2],
}

/// What the toolstack and the backend have done since we looked last.
pub(super) enum Change {
    /// The backend's state, which may be the same.
    Backend(XenbusState),
    /// The toolstack took the interface away, or put a new one in its place: in the new
    /// directory our state is not the one that we wrote.
    Replaced,
}

impl Device {
    /// Interface `index`.
    pub(super) async fn find(index: u32) -> Result<Self, Error> {
        let front = format!("device/vif/{index}");
        let back = read(&front, "backend").await?.ok_or(Error::Missing)?;
        let front_watch = xenstore::watch(&front).await?;
        let back_watch = xenstore::watch(&format!("{back}/state")).await?;
        Ok(Self { front, back, watches: [front_watch, back_watch] })
    }

    /// A number or text in our directory.
    pub(super) async fn own<T: FromStr>(&self, key: &str) -> Result<Option<T>, Error> {
        parse(&self.front, key).await
    }

    /// A number or text in the backend's directory.
    pub(super) async fn backend<T: FromStr>(&self, key: &str) -> Result<Option<T>, Error> {
        parse(&self.back, key).await
    }

    /// Whether the backend offers what `key` says.
    pub(super) async fn offers(&self, key: &str) -> Result<bool, Error> {
        Ok(self.backend::<u32>(key).await?.unwrap_or(0) != 0)
    }

    /// Writes nodes of ours, and with them our state.
    pub(super) async fn publish(
        &self,
        nodes: &[(&str, u32)],
        state: XenbusState,
    ) -> Result<(), Error> {
        xenstore::transaction(async |transaction| {
            for (key, value) in nodes {
                transaction.write(&format!("{}/{key}", self.front), format!("{value}")).await?;
            }
            transaction.write(&format!("{}/state", self.front), state.as_str()).await
        })
        .await?;
        Ok(())
    }

    /// Writes our state.
    pub(super) async fn set_state(&self, state: XenbusState) -> Result<(), Error> {
        self.publish(&[], state).await
    }

    /// Waits until something may have changed. The first time it returns at once.
    pub(super) async fn changed(&mut self) {
        let [front, back] = &mut self.watches;
        select(front.next(), back.next()).await;
    }

    /// How things are, where our state is the one that we wrote last.
    pub(super) async fn look(&self, written: XenbusState) -> Result<Change, Error> {
        let backend = read(&self.front, "backend").await?;
        if backend.as_deref() != Some(&self.back) || state(&self.front).await? != written {
            return Ok(Change::Replaced);
        }
        Ok(Change::Backend(state(&self.back).await?))
    }
}

/// The state in a directory; Unknown if there is none.
async fn state(directory: &str) -> Result<XenbusState, Error> {
    let text = read(directory, "state").await?.unwrap_or_default();
    Ok(text.parse().unwrap_or(XenbusState::Unknown))
}

async fn parse<T: FromStr>(directory: &str, key: &str) -> Result<Option<T>, Error> {
    let Some(text) = read(directory, key).await? else { return Ok(None) };
    let bad = |_| Error::BadValue(format!("{directory}/{key}"));
    text.trim().parse().map(Some).map_err(bad)
}

async fn read(directory: &str, key: &str) -> Result<Option<String>, Error> {
    match xenstore::read(&format!("{directory}/{key}")).await {
        Ok(value) => Ok(Some(value)),
        // A directory that was taken away may be unreadable where its parent is.
        Err(StoreError::Enoent | StoreError::Eacces) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
