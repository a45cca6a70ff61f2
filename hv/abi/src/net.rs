// SPDX-License-Identifier: MIT OR Apache-2.0
//! Network rings (`public/io/netif.h`).
//!
//! A packet is one slot or several: `more_data` says that another follows, `extra_info` that the
//! next slot is an extra one. The first transmit slot's size is that of the whole packet.

use crate::grant_table::GrantRef;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Slots a backend takes for one packet.
pub const MAX_SLOTS: usize = 18;
/// Bytes of a transmit slot.
pub const TX_SLOT_SIZE: usize = 12;
/// Bytes of a receive slot.
pub const RX_SLOT_SIZE: usize = 8;

/// Transmit flag: the checksum is to be filled in.
pub const TX_CSUM_BLANK: u16 = 1 << 0;
/// Transmit flag: the data is known to be good.
pub const TX_DATA_VALIDATED: u16 = 1 << 1;
/// Transmit flag: the packet goes on in the next slot.
pub const TX_MORE_DATA: u16 = 1 << 2;
/// Transmit flag: an extra slot follows.
pub const TX_EXTRA_INFO: u16 = 1 << 3;

/// Receive flag: the data is known to be good.
pub const RX_DATA_VALIDATED: u16 = 1 << 0;
/// Receive flag: the checksum is not filled in.
pub const RX_CSUM_BLANK: u16 = 1 << 1;
/// Receive flag: the packet goes on in the next slot.
pub const RX_MORE_DATA: u16 = 1 << 2;
/// Receive flag: an extra slot follows.
pub const RX_EXTRA_INFO: u16 = 1 << 3;
/// Receive flag: the slot's offset is a segment size.
pub const RX_GSO_PREFIX: u16 = 1 << 4;

/// Status: dropped.
pub const STATUS_DROPPED: i16 = -2;
/// Status: failed.
pub const STATUS_ERROR: i16 = -1;
/// Status: sent.
pub const STATUS_OKAY: i16 = 0;
/// Status of the response to an extra slot.
pub const STATUS_NULL: i16 = 1;

/// A packet, or part of it, to send.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TxRequest {
    /// The page.
    pub gref: GrantRef,
    /// Offset in the page, bytes.
    pub offset: u16,
    /// `TX_*` bits.
    pub flags: u16,
    /// Chosen by the frontend; the response repeats it.
    pub id: u16,
    /// Bytes: of the packet in its first slot, of the slot in the others.
    pub size: u16,
}

/// The end of a [`TxRequest`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TxResponse {
    /// The request's.
    pub id: u16,
    /// `STATUS_*`.
    pub status: i16,
}

/// A page to receive into.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RxRequest {
    /// Chosen by the frontend; the response repeats it.
    pub id: u16,
    /// Padding.
    pub _pad: u16,
    /// The page.
    pub gref: GrantRef,
}

/// A packet, or part of it, received.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RxResponse {
    /// The request's.
    pub id: u16,
    /// Offset in the page, bytes.
    pub offset: u16,
    /// `RX_*` bits.
    pub flags: u16,
    /// Bytes, or a negative `STATUS_*`.
    pub status: i16,
}

number_enum! {
    /// [`ExtraInfo::kind`].
    pub enum ExtraType: u8 {
        /// Segmentation: [`GsoInfo`].
        Gso = 1,
        /// Join the multicast group of the address.
        McastAdd = 2,
        /// Leave the multicast group of the address.
        McastDel = 3,
        /// Packet hash.
        Hash = 4,
        /// Bytes kept free before the packet.
        Xdp = 5,
    }
}

/// [`ExtraInfo::flags`]: another extra slot follows.
pub const EXTRA_FLAG_MORE: u8 = 1;

/// What an extra slot holds; the rest of a transmit slot is unused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ExtraInfo {
    /// An [`ExtraType`].
    pub kind: u8,
    /// [`EXTRA_FLAG_MORE`].
    pub flags: u8,
    /// [`GsoInfo`], multicast address, ...
    pub data: [u8; 6],
}

/// [`GsoInfo::kind`]: TCP over IPv4.
pub const GSO_TCPV4: u8 = 1;
/// [`GsoInfo::kind`]: TCP over IPv6.
pub const GSO_TCPV6: u8 = 2;

/// How to cut a large packet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GsoInfo {
    /// Bytes of a segment.
    pub size: u16,
    /// `GSO_*`.
    pub kind: u8,
    /// Padding.
    pub _pad: u8,
    /// No bit defined.
    pub features: u16,
}

assert_layout!(TxRequest, size = TX_SLOT_SIZE, offset @ 4, flags @ 6, id @ 8, size @ 10);
assert_layout!(TxResponse, size = 4, status @ 2);
assert_layout!(RxRequest, size = RX_SLOT_SIZE, gref @ 4);
assert_layout!(RxResponse, size = 8, offset @ 2, flags @ 4, status @ 6);
assert_layout!(ExtraInfo, size = 8, flags @ 1, data @ 2);
assert_layout!(GsoInfo, size = 6, kind @ 2, features @ 4);
