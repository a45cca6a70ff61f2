// SPDX-License-Identifier: MIT OR Apache-2.0
//! Yielding, sleeping and shutting down (`public/sched.h`).

use crate::domain::DomId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

number_enum! {
    /// First argument of `sched_op`.
    pub enum SchedOp: u32 {
        /// Lets others run.
        Yield = 0,
        /// Unmasks events and sleeps until one is pending.
        Block = 1,
        /// [`SchedShutdown`]: ends the domain.
        Shutdown = 2,
        /// [`SchedPoll`]: sleeps until a port is pending.
        Poll = 3,
        /// [`RemoteShutdown`]: ends another domain.
        RemoteShutdown = 4,
        /// [`SchedShutdown`]: says why the domain will end.
        ShutdownCode = 5,
        /// [`SchedWatchdog`].
        Watchdog = 6,
        /// Pins the vcpu to a processor.
        PinOverride = 7,
    }
}

number_enum! {
    /// Why a domain ended.
    pub enum ShutdownReason: u32 {
        /// It is done.
        Poweroff = 0,
        /// It wants to start again.
        Reboot = 1,
        /// It wants to be saved.
        Suspend = 2,
        /// It failed.
        Crash = 3,
        /// Its watchdog ran out.
        Watchdog = 4,
        /// It wants to start again with its memory kept.
        SoftReset = 5,
    }
}

/// Argument of [`SchedOp::Shutdown`] and [`SchedOp::ShutdownCode`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SchedShutdown {
    /// A [`ShutdownReason`].
    pub reason: u32,
}

/// The most ports of one [`SchedPoll`].
pub const MAX_POLL_PORTS: u32 = 128;

/// Argument of [`SchedOp::Poll`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SchedPoll {
    /// Guest virtual address of an array of ports.
    pub ports: u64,
    /// Its length.
    pub nr_ports: u32,
    /// Padding.
    pub _pad: u32,
    /// System time to wake at, ns; 0 for never.
    pub timeout: u64,
}

/// Argument of [`SchedOp::RemoteShutdown`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RemoteShutdown {
    /// The domain.
    pub domain_id: DomId,
    /// Padding.
    pub _pad: u16,
    /// A [`ShutdownReason`].
    pub reason: u32,
}

/// Argument of [`SchedOp::Watchdog`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SchedWatchdog {
    /// 0 for a new one; the call returns its id.
    pub id: u32,
    /// Seconds from now; 0 stops it.
    pub timeout: u32,
}

assert_layout!(SchedShutdown, size = 4);
assert_layout!(SchedPoll, size = 24, nr_ports @ 8, timeout @ 16);
assert_layout!(RemoteShutdown, size = 8, reason @ 4);
assert_layout!(SchedWatchdog, size = 8, timeout @ 4);
