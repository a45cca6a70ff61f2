// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that are needed, how to tell that one is there, and Debian's package of it.
use std::path::Path;

use super::{is_file, on_path};
use crate::{bochs, qemu};

/// A program that is not Rust's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// The machine.
    Qemu,
    /// Makes bootable CDs.
    GrubMkrescue,
    /// GRUB for machines with a BIOS.
    GrubPc,
    /// Writes the CD for grub-mkrescue.
    Xorriso,
    /// Writes FAT file systems.
    Mtools,
    /// A load generator: one connection per request.
    Ab,
    /// A load generator: many requests per connection.
    Wrk,
    /// An HTTP client.
    Curl,
    /// A browser; large, and only installed by who asks for it.
    Chromium,
    /// Decompresses Debian's kernel.
    Xz,
    /// The machine with VT-x.
    Bochs,
    /// What draws its screen.
    BochsTerm,
    /// Its firmware.
    BochsBios,
    /// Firmware of its display.
    VgaBios,
}

impl Tool {
    pub(crate) const ALL: [Tool; 13] = [
        Tool::Qemu,
        Tool::GrubMkrescue,
        Tool::GrubPc,
        Tool::Xorriso,
        Tool::Mtools,
        Tool::Ab,
        Tool::Wrk,
        Tool::Curl,
        Tool::Xz,
        Tool::Bochs,
        Tool::BochsTerm,
        Tool::BochsBios,
        Tool::VgaBios,
    ];
    /// What a bootable image takes.
    pub(crate) const IMAGE: [Tool; 4] =
        [Tool::GrubMkrescue, Tool::GrubPc, Tool::Xorriso, Tool::Mtools];

    /// What images that others built take.
    pub(crate) const FOREIGN: [Tool; 4] = [Tool::Qemu, Tool::GrubMkrescue, Tool::Curl, Tool::Xz];
    /// What the real Xen takes.
    pub(crate) const XEN: [Tool; 2] = [Tool::Qemu, Tool::Xz];
    /// What a machine with VT-x takes, besides the CD that it boots.
    pub(crate) const BOCHS: [Tool; 4] =
        [Tool::Bochs, Tool::BochsTerm, Tool::BochsBios, Tool::VgaBios];
    /// Clients for tests and measurements.
    pub(crate) const CLIENTS: [Tool; 3] = [Tool::Ab, Tool::Wrk, Tool::Curl];

    /// The package that Debian and Ubuntu have it in.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Tool::Qemu => "qemu-system-x86",
            Tool::GrubMkrescue => "grub-common",
            Tool::GrubPc => "grub-pc-bin",
            Tool::Xorriso => "xorriso",
            Tool::Mtools => "mtools",
            Tool::Ab => "apache2-utils",
            Tool::Wrk => "wrk",
            Tool::Curl => "curl",
            Tool::Chromium => "chromium",
            Tool::Xz => "xz-utils",
            Tool::Bochs => "bochs",
            Tool::BochsTerm => "bochs-term",
            Tool::BochsBios => "bochsbios",
            Tool::VgaBios => "vgabios",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_there(self) -> bool {
        match self {
            Tool::Qemu => on_path(qemu::PROGRAM),
            Tool::GrubMkrescue => on_path("grub-mkrescue"),
            Tool::GrubPc => is_file(Path::new("/usr/lib/grub/i386-pc/moddep.lst")),
            Tool::Xorriso => on_path("xorriso"),
            Tool::Mtools => on_path("mformat"),
            Tool::Ab => on_path("ab"),
            Tool::Wrk => on_path("wrk"),
            Tool::Curl => on_path("curl"),
            Tool::Chromium => browser().is_some(),
            Tool::Xz => on_path("xz"),
            Tool::Bochs => on_path(bochs::PROGRAM),
            Tool::BochsTerm => is_file(Path::new(bochs::SCREEN)),
            Tool::BochsBios => is_file(Path::new(bochs::BIOS)),
            Tool::VgaBios => is_file(Path::new(bochs::VGA_BIOS)),
        }
    }
}

/// The name of the browser's program, which differs by system.
pub(crate) fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| on_path(name))
}
