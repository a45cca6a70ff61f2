// SPDX-License-Identifier: MIT OR Apache-2.0
//! Xenstore, the tree of small texts by which domains tell each other about devices.
//!
//! Paths are absolute, or relative to this domain's own directory. The first domain has no
//! xenstore but its own (`apps/dom0`): there every call fails with `ENOSYS`.
//!
//! ```no_run
//! # use minios::xenstore;
//! # async fn example() -> Result<(), xenstore::Error> {
//! let name = xenstore::read("name").await?;
//! let mut watch = xenstore::watch("device").await?;
//! let changed = watch.next().await;
//! for device in xenstore::directory(&changed).await? {
//!     log::info!("{name} has a {device}");
//! }
//! xenstore::transaction(async |transaction| {
//!     transaction.write("data/a", "1").await?;
//!     transaction.write("data/b", "2").await
//! })
//! .await?;
//! # Ok(())
//! # }
//! ```
use alloc::string::String;
use alloc::vec::Vec;

use minios_core::xenstore::strings;
pub use minios_core::xenstore::{Access, Permission};
use xen_abi::xenstore::MessageType;
pub use xen_abi::xenstore::StoreError as Error;

mod client;
mod transaction;
mod watch;

pub(crate) use client::{init, quiesce, resume};
pub use transaction::{Transaction, transaction};
pub use watch::{Watch, watch};

/// The transaction number of a request outside of any.
const NO_TRANSACTION: u32 = 0;

/// A node's value, as text.
///
/// # Errors
/// `ENOENT` if there is no such node, `EACCES` if it is not ours to read.
pub async fn read(path: &str) -> Result<String, Error> {
    read_in(NO_TRANSACTION, path).await
}

/// A node's value, as bytes.
///
/// # Errors
/// As [`read`].
pub async fn read_bytes(path: &str) -> Result<Vec<u8>, Error> {
    client::call(MessageType::Read, NO_TRANSACTION, &[path.as_bytes(), b"\0"]).await
}

/// Sets a node's value; makes the node, and those above it, if they do not exist.
///
/// # Errors
/// `EACCES` if it is not ours to write, `ENOSPC` beyond our quota.
pub async fn write(path: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
    write_in(NO_TRANSACTION, path, value.as_ref()).await
}

/// Makes a node without a value; nothing happens if it exists.
///
/// # Errors
/// As [`write`].
pub async fn mkdir(path: &str) -> Result<(), Error> {
    path_in(MessageType::Mkdir, NO_TRANSACTION, path).await.map(drop)
}

/// Removes a node and all below it.
///
/// # Errors
/// `ENOENT` if it is not there, `EACCES`.
pub async fn remove(path: &str) -> Result<(), Error> {
    path_in(MessageType::Rm, NO_TRANSACTION, path).await.map(drop)
}

/// The names of a node's children.
///
/// # Errors
/// `ENOENT`, `EACCES`; `E2BIG` if the names are more than 4096 bytes.
pub async fn directory(path: &str) -> Result<Vec<String>, Error> {
    directory_in(NO_TRANSACTION, path).await
}

/// A node's permissions: the first names its owner.
///
/// # Errors
/// `ENOENT`, `EACCES`.
pub async fn permissions(path: &str) -> Result<Vec<Permission>, Error> {
    let payload = path_in(MessageType::GetPerms, NO_TRANSACTION, path).await?;
    strings(&payload).map(|text| Permission::parse(&text).ok_or(Error::Eio)).collect()
}

/// Sets a node's permissions: the first names its owner.
///
/// # Errors
/// `ENOENT`, `EACCES` if the node is not ours.
pub async fn set_permissions(path: &str, permissions: &[Permission]) -> Result<(), Error> {
    use alloc::string::ToString;
    let texts: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    let mut parts: Vec<&[u8]> = alloc::vec![path.as_bytes(), b"\0"];
    for text in &texts {
        parts.extend([text.as_bytes(), b"\0"]);
    }
    client::call(MessageType::SetPerms, NO_TRANSACTION, &parts).await.map(drop)
}

async fn path_in(kind: MessageType, transaction: u32, path: &str) -> Result<Vec<u8>, Error> {
    client::call(kind, transaction, &[path.as_bytes(), b"\0"]).await
}

async fn read_in(transaction: u32, path: &str) -> Result<String, Error> {
    let value = path_in(MessageType::Read, transaction, path).await?;
    String::from_utf8(value).map_err(|_| Error::Einval)
}

async fn write_in(transaction: u32, path: &str, value: &[u8]) -> Result<(), Error> {
    let parts: [&[u8]; 3] = [path.as_bytes(), b"\0", value];
    client::call(MessageType::Write, transaction, &parts).await.map(drop)
}

async fn directory_in(transaction: u32, path: &str) -> Result<Vec<String>, Error> {
    let payload = path_in(MessageType::Directory, transaction, path).await?;
    Ok(strings(&payload).collect())
}
