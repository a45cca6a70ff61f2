// SPDX-License-Identifier: MIT OR Apache-2.0
//! How test guests are virtualized, and on which machine.
use crate::{ramdisk::Domain, run::DomainType};

/// How a test guest is virtualized, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Mode {
    /// PV on the oldest processor that is supported
    PvQemu64,
    /// PV on all that QEMU can emulate
    Pv,
    /// PVH by AMD-V with nested paging
    PvhSvmNpt,
    /// PVH by AMD-V with shadow paging
    PvhSvmShadow,
    /// PV in Bochs
    PvBochs,
    /// PVH by VT-x with EPT
    PvhVmxEpt,
    /// PVH by VT-x with shadow paging
    PvhVmxShadow,
}

/// A machine for test guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bed {
    /// QEMU with the processor of this name.
    Qemu(&'static str),
    /// Bochs.
    Bochs,
}

/// All machines.
pub(super) const BEDS: [Bed; 3] = [Bed::Qemu("qemu64"), Bed::Qemu("max"), Bed::Bochs];

impl Bed {
    /// Its name for people and files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Bed::Qemu(cpu) => cpu,
            Bed::Bochs => "bochs",
        }
    }
}

impl Mode {
    /// The machine that has it.
    pub(super) fn bed(self) -> Bed {
        match self {
            Mode::PvQemu64 => Bed::Qemu("qemu64"),
            Mode::Pv | Mode::PvhSvmNpt | Mode::PvhSvmShadow => Bed::Qemu("max"),
            Mode::PvBochs | Mode::PvhVmxEpt | Mode::PvhVmxShadow => Bed::Bochs,
        }
    }

    /// Its name, also that of the folder where dom0 has the cfgs of its domains.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::PvQemu64 => "PV-qemu64",
            Mode::Pv => "PV",
            Mode::PvhSvmNpt => "PVH-SVM-NPT",
            Mode::PvhSvmShadow => "PVH-SVM-shadow",
            Mode::PvBochs => "PV-Bochs",
            Mode::PvhVmxEpt => "PVH-VMX-EPT",
            Mode::PvhVmxShadow => "PVH-VMX-shadow",
        }
    }

    /// The domain of a test guest, in this mode.
    pub(super) fn apply(self, domain: Domain) -> Domain {
        let kind = match self {
            Mode::PvQemu64 | Mode::Pv | Mode::PvBochs => DomainType::Pv,
            _ => DomainType::Pvh,
        };
        let domain = domain.with_setting("type", kind.name()).in_folder(self.name());
        match self {
            Mode::PvhSvmShadow | Mode::PvhVmxShadow => domain.with_setting("paging", "shadow"),
            _ => domain,
        }
    }
}
