// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console: the hypervisor's own, and a domain's ring (`public/xen.h`,
//! `public/io/console.h`).
//!
//! The ring's indices run freely and are masked by the size of their buffer.

number_enum! {
    /// First argument of `console_io`; count and buffer follow.
    pub enum ConsoleIoOp: u32 {
        /// Writes text.
        Write = 0,
        /// Reads input; returns the bytes read.
        Read = 1,
    }
}

/// Bytes of the buffer towards the guest.
pub const IN_SIZE: usize = 1024;
/// Bytes of the buffer from the guest.
pub const OUT_SIZE: usize = 2048;

/// Offset of the buffer towards the guest.
pub const IN: usize = 0;
/// Offset of the buffer from the guest.
pub const OUT: usize = IN + IN_SIZE;
/// Offset of the input consumer index (`u32`, the guest's).
pub const IN_CONS: usize = OUT + OUT_SIZE;
/// Offset of the input producer index (`u32`, the backend's).
pub const IN_PROD: usize = IN_CONS + 4;
/// Offset of the output consumer index (`u32`, the backend's).
pub const OUT_CONS: usize = IN_PROD + 4;
/// Offset of the output producer index (`u32`, the guest's).
pub const OUT_PROD: usize = OUT_CONS + 4;
/// Offset of the connection byte: 0 connected, 1 not.
pub const CONNECTION: usize = OUT_PROD + 4;

const _: () = assert!(IN_CONS == 3072 && CONNECTION == 3088);
