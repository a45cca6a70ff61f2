// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept of an upload: its length, and a checksum that takes less than an instruction a
//! byte. On the host `xxh64sum` tells the same of the file.

use alloc::format;
use alloc::string::String;
use core::hash::Hasher;
use twox_hash::XxHash64;

/// An upload so far.
#[derive(Debug, Default)]
pub struct Upload {
    length: u64,
    hash: XxHash64,
}

impl Upload {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.hash.write(bytes);
    }

    /// The line that answers it.
    pub fn text(&self) -> String {
        format!("{} bytes, xxh64 {:016x}\n", self.length, self.hash.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::Upload;

    #[test]
    fn pieces_make_no_difference() {
        assert_eq!(Upload::default().text(), "0 bytes, xxh64 ef46db3751d8e999\n");
        let mut upload = Upload::default();
        upload.add(b"a");
        upload.add(b"bc");
        assert_eq!(upload.text(), "3 bytes, xxh64 44bc2cf5ad770999\n");
    }
}
