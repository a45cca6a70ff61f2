// SPDX-License-Identifier: MIT OR Apache-2.0
//! Event channels, two-level form (`public/event_channel.h`, `public/xen.h`).

use crate::domain::DomId;
use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Ports a domain can have; port 0 is never handed out.
pub const MAX_PORTS: u32 = 4096;

number_type! {
    /// One end of an event channel, in its domain.
    pub struct EvtchnPort(u32);
}

impl EvtchnPort {
    /// Word and bit of the port in the shared bitmaps; `None` if there is no such port.
    #[must_use]
    pub const fn word_and_bit(self) -> Option<(usize, u32)> {
        if self.0 < MAX_PORTS { Some(((self.0 / 64) as usize, self.0 % 64)) } else { None }
    }
}

impl fmt::Display for EvtchnPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

number_type! {
    /// A virtual interrupt: an event the hypervisor itself raises.
    pub struct Virq(u32);
}

/// Numbers of virtual interrupts, some of them unused.
pub const NR_VIRQS: u32 = 24;

/// Who may bind a virtual interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirqKind {
    /// Each vcpu has its own.
    PerVcpu,
    /// One in each domain, on vcpu 0.
    PerDomain,
    /// One in the whole host, on vcpu 0 of its domain.
    Global,
}

impl Virq {
    /// The vcpu's timer.
    pub const TIMER: Self = Self(0);
    /// Request for a debug dump.
    pub const DEBUG: Self = Self(1);
    /// Input for the hypervisor's console.
    pub const CONSOLE: Self = Self(2);
    /// Some domain changed its state: stopped, died.
    pub const DOM_EXC: Self = Self(3);
    /// The trace buffer has records.
    pub const TBUF: Self = Self(4);
    /// A domain stopped for its debugger.
    pub const DEBUGGER: Self = Self(6);
    /// Profile sample.
    pub const XENOPROF: Self = Self(7);
    /// The hypervisor's console ring has text.
    pub const CON_RING: Self = Self(8);
    /// A processor went on or off line.
    pub const PCPU_STATE: Self = Self(9);
    /// Memory event.
    pub const MEM_EVENT: Self = Self(10);
    /// Argo message.
    pub const ARGO: Self = Self(11);
    /// Host memory is short.
    pub const ENOMEM: Self = Self(12);
    /// Performance counter.
    pub const XENPMU: Self = Self(13);
    /// The first of eight which the architecture defines.
    pub const ARCH_0: Self = Self(16);

    /// Who may bind it; `None` if there is no such interrupt.
    #[must_use]
    pub const fn kind(self) -> Option<VirqKind> {
        match self.0 {
            0 | 1 | 7 | 13 => Some(VirqKind::PerVcpu),
            11 => Some(VirqKind::PerDomain),
            2..=4 | 6 | 8..=10 | 12 | 16..NR_VIRQS => Some(VirqKind::Global),
            _ => None,
        }
    }
}

number_enum! {
    /// First argument of `event_channel_op`.
    pub enum EventChannelOp: u32 {
        /// [`BindInterdomain`]: connects to a port another domain offers.
        BindInterdomain = 0,
        /// [`BindVirq`].
        BindVirq = 1,
        /// [`BindPirq`].
        BindPirq = 2,
        /// [`PortArg`]: frees a port.
        Close = 3,
        /// [`PortArg`]: raises the event at the other end.
        Send = 4,
        /// [`PortStatus`].
        Status = 5,
        /// [`AllocUnbound`]: offers a port to a domain.
        AllocUnbound = 6,
        /// [`BindIpi`].
        BindIpi = 7,
        /// [`BindVcpu`]: moves a port to another vcpu.
        BindVcpu = 8,
        /// [`PortArg`]: clears the mask bit and delivers what waited.
        Unmask = 9,
        /// [`Reset`]: closes all ports.
        Reset = 10,
        /// FIFO form: refused.
        InitControl = 11,
        /// FIFO form: refused.
        ExpandArray = 12,
        /// FIFO form: refused.
        SetPriority = 13,
    }
}

/// Argument of [`EventChannelOp::BindInterdomain`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BindInterdomain {
    /// The domain offering the port.
    pub remote_dom: DomId,
    /// Padding.
    pub _pad: u16,
    /// The port offered.
    pub remote_port: EvtchnPort,
    /// Out: our port.
    pub local_port: EvtchnPort,
}

/// Argument of [`EventChannelOp::BindVirq`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BindVirq {
    /// Which.
    pub virq: Virq,
    /// The vcpu to notify.
    pub vcpu: u32,
    /// Out: our port.
    pub port: EvtchnPort,
}

/// [`BindPirq::flags`]: the interrupt line may be shared.
pub const BIND_PIRQ_WILL_SHARE: u32 = 1;

/// Argument of [`EventChannelOp::BindPirq`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BindPirq {
    /// Physical interrupt.
    pub pirq: u32,
    /// [`BIND_PIRQ_WILL_SHARE`].
    pub flags: u32,
    /// Out: our port.
    pub port: EvtchnPort,
}

/// Argument of [`EventChannelOp::Close`], [`EventChannelOp::Send`] and
/// [`EventChannelOp::Unmask`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PortArg {
    /// Our port.
    pub port: EvtchnPort,
}

/// Argument of [`EventChannelOp::AllocUnbound`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct AllocUnbound {
    /// The domain that gets the port.
    pub dom: DomId,
    /// The domain that may connect.
    pub remote_dom: DomId,
    /// Out: the port.
    pub port: EvtchnPort,
}

/// Argument of [`EventChannelOp::BindIpi`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BindIpi {
    /// The vcpu to notify.
    pub vcpu: u32,
    /// Out: our port.
    pub port: EvtchnPort,
}

/// Argument of [`EventChannelOp::BindVcpu`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BindVcpu {
    /// Our port.
    pub port: EvtchnPort,
    /// The vcpu to notify from now on.
    pub vcpu: u32,
}

/// Argument of [`EventChannelOp::Reset`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Reset {
    /// The domain whose ports are closed.
    pub dom: DomId,
}

number_enum! {
    /// [`PortStatus::status`].
    pub enum PortState: u32 {
        /// Free.
        Closed = 0,
        /// Offered to a domain.
        Unbound = 1,
        /// Connected.
        Interdomain = 2,
        /// Physical interrupt.
        Pirq = 3,
        /// Virtual interrupt.
        Virq = 4,
        /// Between vcpus of the domain.
        Ipi = 5,
    }
}

/// Argument of [`EventChannelOp::Status`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PortStatus {
    /// In: the domain.
    pub dom: DomId,
    /// Padding.
    pub _pad: u16,
    /// In: the port in that domain.
    pub port: EvtchnPort,
    /// Out: a [`PortState`].
    pub status: u32,
    /// Out: the vcpu notified.
    pub vcpu: u32,
    /// Out: the remote domain (unbound, interdomain), pirq or virq.
    pub detail: u32,
    /// Out: the remote port (interdomain).
    pub remote_port: EvtchnPort,
}

assert_layout!(BindInterdomain, size = 12, remote_port @ 4, local_port @ 8);
assert_layout!(BindVirq, size = 12, vcpu @ 4, port @ 8);
assert_layout!(BindPirq, size = 12, flags @ 4, port @ 8);
assert_layout!(PortArg, size = 4);
assert_layout!(AllocUnbound, size = 8, remote_dom @ 2, port @ 4);
assert_layout!(BindIpi, size = 8, port @ 4);
assert_layout!(BindVcpu, size = 8, vcpu @ 4);
assert_layout!(Reset, size = 2);
assert_layout!(PortStatus, size = 24, port @ 4, status @ 8, vcpu @ 12, detail @ 16,
    remote_port @ 20);
