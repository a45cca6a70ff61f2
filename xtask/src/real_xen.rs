// SPDX-License-Identifier: MIT OR Apache-2.0
//! The real Xen: Debian's hypervisor with Debian's Linux as its dom0, in QEMU, from packages that
//! are only unpacked.
//!
//! dom0's ramdisk is in two parts. The first has programs, libraries and modules and is kept; the
//! second is what hv's dom0 has too: the cfg files and images of the domains. The Linux kernel
//! takes both as one file, one behind the other.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    build::Profile,
    cpio::Archive,
    debian::{self, BUSYBOX, BUSYBOX_PACKAGE, Debian, Linux},
    progress::Step,
    qemu::{Boot, Machine, Serial},
    ramdisk::{self, Domain},
    workspace::Workspace,
};

pub(crate) mod nginx;

/// What dom0's shell prints when it waits for a line.
pub(crate) const PROMPT: &str = "dom0# ";
/// The least memory that the machine works with, in MiB.
pub(crate) const MEMORY_MIB: u32 = 1024;
const DOM0_MEMORY_MIB: u32 = 512;
/// QEMU 7.2 emulates four features in a way that Xen or its guests fail at: SMAP faults in a ring-3
/// iretq, MONITOR panics Xen, RDTSCP sends a PVH Linux into a loop, and with XSAVE programs of dom0
/// fail now and then. The others it does not emulate, and would say so each time. AMD-V is there.
pub(crate) const CPU: &str = "EPYC,-smap,-monitor,-rdtscp,-xsave,-osvw,-topoext,-nrip-save,-xsavec,-rdseed,\
    -sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch";

/// Vector state is exchanged with each switch. Exchanged on demand, as is usual on AMD's processors,
/// it gets lost under this emulation: programs of dom0 crash now and then beside a busy domU.
const EAGER_VECTOR_STATE: &str = "spec-ctrl=eager-fpu";

const HYPERVISOR: &str = "/boot/xen-4.17-amd64.gz";
const HYPERVISOR_PACKAGE: &str = "xen-hypervisor-4.17-amd64";
const PACKAGES: [&str; 22] = [
    HYPERVISOR_PACKAGE,
    "xen-utils-4.17",
    "xen-utils-common",
    "xenstore-utils",
    "libxencall1",
    "libxendevicemodel1",
    "libxenevtchn1",
    "libxenforeignmemory1",
    "libxengnttab1",
    "libxenhypfs1",
    "libxenmisc4.17",
    "libxenstore4",
    "libxentoolcore1",
    "libxentoollog1",
    "libyajl2",
    "libc6",
    "libgcc-s1",
    "liblzma5",
    "libuuid1",
    "libzstd1",
    "zlib1g",
    BUSYBOX_PACKAGE,
];
const PROGRAMS: [&str; 13] = [
    BUSYBOX,
    // Loaded by libc when a thread is cancelled, as xl does.
    "/lib/x86_64-linux-gnu/libgcc_s.so.1",
    "/usr/lib/xen-4.17/bin/xl",
    "/usr/lib/xen-4.17/bin/libxl-save-helper",
    "/usr/lib/xen-4.17/bin/oxenstored",
    "/usr/lib/xen-4.17/bin/xen-init-dom0",
    "/usr/lib/xen-4.17/bin/xenconsole",
    "/usr/lib/xen-4.17/bin/xenconsoled",
    "/usr/bin/xenstore-exists",
    "/usr/bin/xenstore-ls",
    "/usr/bin/xenstore-read",
    "/usr/bin/xenstore-rm",
    "/usr/bin/xenstore-write",
];
const MODULES: [&str; 8] = [
    "xenfs",
    "xen-privcmd",
    "xen-evtchn",
    "xen-gntdev",
    "xen-netback",
    "bridge",
    "virtio_pci",
    "virtio_net",
];
const XL_CONF: &str = "autoballoon = \"off\"\n\
    vif.default.bridge = \"xenbr0\"\nvif.default.script = \"/etc/xen/scripts/vif\"\n";

/// The files that every machine with the real Xen boots from.
pub(crate) struct RealXen {
    pub(crate) debian: Debian,
    /// The first part of dom0's ramdisk; more may be added.
    pub(crate) dom0: Archive,
}

/// What a machine with the real Xen starts with.
#[derive(Default)]
pub(crate) struct Options<'a> {
    /// More arguments of the hypervisor.
    pub(crate) xen_arguments: &'a str,
    /// More arguments of dom0's kernel and of its `init`.
    pub(crate) dom0_arguments: &'a str,
}

/// For Xen: without what it does against Meltdown, Spectre and their kind.
pub(crate) const NO_MITIGATIONS: &str = "spec-ctrl=no xpti=no";

impl RealXen {
    /// Fetches and unpacks what is not there yet.
    pub(crate) fn fetch(workspace: &Workspace) -> Result<Self> {
        let debian = Debian::new(workspace);
        debian.require(&PACKAGES)?;
        let dom0 =
            dom0(&debian, &Linux::fetch(&debian)?).context("dom0's ramdisk cannot be made")?;
        Ok(Self { debian, dom0 })
    }

    /// A machine whose dom0 has the cfgs and images of `domains`; its ramdisk is written into
    /// `folder`.
    pub(crate) fn machine(
        &self,
        workspace: &Workspace,
        profile: Profile,
        domains: &[Domain],
        folder: &Path,
        options: &Options<'_>,
    ) -> Result<Machine> {
        ramdisk::build_images(workspace, profile, domains, &[])?;
        let ramdisk = folder.join("dom0-of-xen.cpio");
        fs::create_dir_all(folder)?;
        let mut bytes = self.dom0.bytes();
        bytes.extend(ramdisk::dom0_ramdisk(workspace, profile, domains)?.bytes());
        fs::write(&ramdisk, bytes).with_context(|| ramdisk.display().to_string())?;
        let Options { xen_arguments, dom0_arguments } = options;
        let boot = Boot::Kernel {
            hv: hypervisor(&self.debian)?,
            hv_arguments: format!(
                "console=com1 com1=115200,8n1 dom0_mem={DOM0_MEMORY_MIB}M,max:{DOM0_MEMORY_MIB}M \
                 dom0_max_vcpus=1 {EAGER_VECTOR_STATE} {xen_arguments}"
            ),
            modules: vec![
                (
                    Linux::fetch(&self.debian)?.vmlinux()?,
                    format!("console=hvc0 rdinit=/init quiet {dom0_arguments}"),
                ),
                (ramdisk, String::new()),
            ],
        };
        let mut machine = Machine::new(boot, Serial::Terminal);
        CPU.clone_into(&mut machine.cpu);
        machine.memory_mib = MEMORY_MIB;
        Ok(machine)
    }
}

/// The unpacked hypervisor, which QEMU can load.
pub(crate) fn hypervisor(debian: &Debian) -> Result<PathBuf> {
    let unpacked = debian.made("xen-4.17");
    if !unpacked.is_file() {
        debian.require(&[HYPERVISOR_PACKAGE])?;
        debian::decompress("gzip", &debian.path(HYPERVISOR)?, &unpacked)?;
    }
    Ok(unpacked)
}

/// The first part of dom0's ramdisk.
fn dom0(debian: &Debian, linux: &Linux<'_>) -> Result<Archive> {
    let _step = Step::start("Putting together dom0 of the real Xen");
    let mut archive = Archive::default();
    debian.add_programs(&mut archive, &PROGRAMS)?;
    linux.add_modules(&mut archive, &MODULES)?;
    archive.add_program("init", include_bytes!("real_xen/dom0/init"));
    archive.add_program("etc/xen/scripts/vif", include_bytes!("real_xen/dom0/vif"));
    archive.add_program("bin/try", include_bytes!("real_xen/dom0/try"));
    archive.add("etc/xen/xl.conf", XL_CONF);
    archive.add("etc/xen/oxenstored.conf", debian.read("/etc/xen/oxenstored.conf")?);
    archive.add("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    Ok(archive)
}
