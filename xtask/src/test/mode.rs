// SPDX-License-Identifier: MIT OR Apache-2.0
//! How test guests are virtualized, and on which machine.
use std::path::Path;

use anyhow::Result;

use crate::{
    bochs::{self, SVM_CPU, VTX_CPU},
    image,
    machine::Emulated,
    machine_files::MachineFiles,
    qemu::{self, Serial},
    ramdisk::Domain,
    run::DomainType,
    setup::{self, Consent, Tool},
    workspace::Workspace,
};

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
    /// PVH by AMD-V with nested paging, in Bochs
    PvhSvmBochs,
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
    /// Bochs with the processor of this name.
    Bochs(&'static str),
}

const OLDEST: Bed = Bed::Qemu("qemu64");
const QEMU: Bed = Bed::Qemu("max");
const BOCHS_INTEL: Bed = Bed::Bochs(VTX_CPU);
const BOCHS_AMD: Bed = Bed::Bochs(SVM_CPU);

/// All machines.
pub(super) const BEDS: [Bed; 4] = [OLDEST, QEMU, BOCHS_INTEL, BOCHS_AMD];

impl Bed {
    /// Its name for people and files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Bed::Qemu(cpu) | Bed::Bochs(cpu) => cpu,
        }
    }

    /// Whether Bochs emulates it.
    pub(super) fn is_bochs(self) -> bool {
        matches!(self, Bed::Bochs(_))
    }

    /// Fails where the host lacks what it needs besides QEMU.
    pub(super) fn require(self, consent: Consent) -> Result<()> {
        if self.is_bochs() {
            setup::require(&[&Tool::BOCHS[..], &Tool::IMAGE].concat(), consent)?;
        }
        Ok(())
    }

    /// A machine that boots `files`, with its own files in `folder`.
    pub(super) fn machine(
        self,
        workspace: &Workspace,
        files: &MachineFiles,
        folder: &Path,
    ) -> Result<Box<dyn Emulated>> {
        Ok(match self {
            Bed::Qemu(cpu) => {
                let mut machine = qemu::Machine::new(files.boot(), Serial::Terminal);
                cpu.clone_into(&mut machine.cpu);
                Box::new(machine)
            }
            Bed::Bochs(cpu) => {
                let cd = folder.join("hv.iso");
                image::make(workspace, files, image::Kind::Cd, &cd)?;
                let mut machine = bochs::Machine::new(cd, folder.to_path_buf());
                cpu.clone_into(&mut machine.cpu);
                Box::new(machine)
            }
        })
    }
}

impl Mode {
    /// Those that a test runs in if nobody chooses: all that work as they should.
    pub(super) const USUAL: [Self; 7] = [
        Self::PvQemu64,
        Self::Pv,
        Self::PvhSvmNpt,
        Self::PvhSvmShadow,
        Self::PvBochs,
        Self::PvhVmxEpt,
        Self::PvhVmxShadow,
    ];

    /// Why the guest `name` cannot be judged in this mode: what the emulator does otherwise than a
    /// processor, or the processor cannot do.
    pub(super) fn cannot_judge(self, name: &str) -> Option<&'static str> {
        let is_pvh_in_qemu = matches!(self, Mode::PvhSvmNpt | Mode::PvhSvmShadow);
        match name {
            "bad_state" if self == Mode::PvhSvmShadow => {
                Some("QEMU 7.2 looks at nothing that is the guest's own with a shadow")
            }
            "beside_alignment_checks" if is_pvh_in_qemu => Some("QEMU 7.2 checks no alignment"),
            "beside_debug_exceptions" if is_pvh_in_qemu => {
                Some("QEMU 7.2 arms no breakpoints in vmrun")
            }
            "beside_holder" if self == Mode::PvhSvmBochs => {
                Some("Bochs 2.7 takes a #DB that `mov ss` held back in the host, at the exit")
            }
            "beside_nmi_handler" | "beside_spinner" if self == Mode::PvhSvmBochs => Some(
                "Bochs 2.7 keeps a guest that is entered with interrupts off until it turns them on",
            ),
            "task_switch" if matches!(self, Mode::PvhSvmNpt | Mode::PvhSvmShadow) => {
                Some("QEMU 7.2 switches tasks itself, though it is told to leave the guest")
            }
            "pvh" if self == Mode::PvhSvmBochs => Some("Bochs 2.7 does not load CR2 in vmrun"),
            _ => None,
        }
    }

    /// The machine that has it.
    pub(super) fn bed(self) -> Bed {
        match self {
            Mode::PvQemu64 => OLDEST,
            Mode::Pv | Mode::PvhSvmNpt | Mode::PvhSvmShadow => QEMU,
            Mode::PvBochs | Mode::PvhVmxEpt | Mode::PvhVmxShadow => BOCHS_INTEL,
            Mode::PvhSvmBochs => BOCHS_AMD,
        }
    }

    /// Its name, also that of the folder where dom0 has the cfgs of its domains.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::PvQemu64 => "PV-qemu64",
            Mode::Pv => "PV",
            Mode::PvhSvmNpt => "PVH-SVM-NPT",
            Mode::PvhSvmShadow => "PVH-SVM-shadow",
            Mode::PvhSvmBochs => "PVH-SVM-Bochs",
            Mode::PvBochs => "PV-Bochs",
            Mode::PvhVmxEpt => "PVH-VMX-EPT",
            Mode::PvhVmxShadow => "PVH-VMX-shadow",
        }
    }

    /// Whether its domains are virtualized by the processor.
    pub(super) const fn is_pvh(self) -> bool {
        !matches!(self, Mode::PvQemu64 | Mode::Pv | Mode::PvBochs)
    }

    /// Whether its domains have shadow paging.
    pub(super) const fn is_shadowed(self) -> bool {
        matches!(self, Mode::PvhSvmShadow | Mode::PvhVmxShadow)
    }

    /// The domain of a test guest, in this mode.
    pub(super) fn apply(self, domain: Domain) -> Domain {
        self.virtualize(domain).in_folder(self.name())
    }

    /// The same domain, virtualized as in this mode.
    pub(super) fn virtualize(self, domain: Domain) -> Domain {
        let kind = if self.is_pvh() { DomainType::Pvh } else { DomainType::Pv };
        let domain = domain.with_setting("type", kind.name());
        if self.is_shadowed() {
            domain.with_setting("paging", "shadow")
        } else if self.is_pvh() {
            domain
        } else {
            // Whatever the guest's cfg says: hv gives a PV domain one.
            domain.with_setting("vcpus", "1")
        }
    }
}
