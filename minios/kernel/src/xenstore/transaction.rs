// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several changes that others see at once, or not at all.
use alloc::string::String;
use alloc::vec::Vec;

use minios_core::xenstore::strings;
use xen_abi::xenstore::MessageType;

use super::{Error, NO_TRANSACTION, client, directory_in, path_in, read_in, write_in};

/// A transaction; what was not committed when it is dropped did not happen.
#[derive(Debug)]
pub struct Transaction {
    id: u32,
    /// Its end was asked for.
    ended: bool,
}

/// Runs `body` in a transaction and commits it; again, as long as others changed meanwhile what
/// it read.
///
/// # Errors
/// What `body` failed with: then nothing was changed.
pub async fn transaction<T>(
    mut body: impl AsyncFnMut(&Transaction) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        let transaction = Transaction::begin().await?;
        let result = match body(&transaction).await {
            Ok(value) => transaction.commit().await.map(|()| value),
            Err(error) => Err(error),
        };
        if result.as_ref().err() != Some(&Error::Eagain) {
            return result;
        }
    }
}

impl Transaction {
    /// Begins a transaction.
    ///
    /// # Errors
    /// `ENOSPC` if we have too many.
    pub async fn begin() -> Result<Self, Error> {
        let reply = client::call(MessageType::TransactionStart, NO_TRANSACTION, &[b"\0"]).await?;
        let id = strings(&reply).next().and_then(|id| id.parse().ok()).ok_or(Error::Eio)?;
        client::transaction_begins();
        Ok(Self { id, ended: false })
    }

    /// As [`super::read`].
    ///
    /// # Errors
    /// The same.
    pub async fn read(&self, path: &str) -> Result<String, Error> {
        read_in(self.id, path).await
    }

    /// As [`super::write()`].
    ///
    /// # Errors
    /// The same.
    pub async fn write(&self, path: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        write_in(self.id, path, value.as_ref()).await
    }

    /// As [`super::directory`].
    ///
    /// # Errors
    /// The same.
    pub async fn directory(&self, path: &str) -> Result<Vec<String>, Error> {
        directory_in(self.id, path).await
    }

    /// As [`super::remove`].
    ///
    /// # Errors
    /// The same.
    pub async fn remove(&self, path: &str) -> Result<(), Error> {
        path_in(MessageType::Rm, self.id, path).await.map(drop)
    }

    /// Makes all of it happen at once.
    ///
    /// # Errors
    /// `EAGAIN` if somebody changed meanwhile what was read: then none of it happened.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.ended = true;
        client::call(MessageType::TransactionEnd, self.id, &[b"T\0"]).await.map(drop)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.ended {
            client::send_only(MessageType::TransactionEnd, self.id, &[b"F\0"]);
        }
        client::transaction_ends();
    }
}
