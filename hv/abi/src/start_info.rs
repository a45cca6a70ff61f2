// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page a PV guest finds in rsi at its start (`public/xen.h`).

use crate::event_channel::EvtchnPort;
use crate::frame::{Maddr, Mfn, Pfn, VirtAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// [`StartInfo::magic`] of a 64-bit PV guest, NUL terminated in the field.
pub const MAGIC: &[u8] = b"xen-3.0-x86_64";
/// Bytes of [`StartInfo::cmd_line`], with its NUL.
pub const MAX_CMDLINE: usize = 1024;

/// Flag: the domain has privileges over others.
pub const SIF_PRIVILEGED: u32 = 1 << 0;
/// Flag: the domain is the initial one.
pub const SIF_INITDOMAIN: u32 = 1 << 1;
/// Flag: the module is a multiboot module list.
pub const SIF_MULTIBOOT_MOD: u32 = 1 << 2;
/// Flag: [`StartInfo::mod_start`] is a pfn, and the module is not mapped.
pub const SIF_MOD_START_PFN: u32 = 1 << 3;
/// Flag: the toolstack understands a p2m list in virtual address space.
pub const SIF_VIRT_P2M_4TOOLS: u32 = 1 << 4;
/// Mask of the power management bits.
pub const SIF_PM_MASK: u32 = 0xff << 8;

/// What the domain builder tells a PV guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StartInfo {
    /// [`MAGIC`], NUL padded.
    pub magic: [u8; 32],
    /// Pages the domain has.
    pub nr_pages: u64,
    /// Machine address of the shared info page.
    pub shared_info: Maddr,
    /// `SIF_*` bits.
    pub flags: u32,
    /// Padding.
    pub _pad0: u32,
    /// The xenstore ring page.
    pub store_mfn: Mfn,
    /// The port to xenstore.
    pub store_evtchn: EvtchnPort,
    /// Padding.
    pub _pad1: u32,
    /// Console union, first eight bytes: see the `console_*` methods.
    pub console0: u64,
    /// Console union, second eight bytes.
    pub console1: u64,
    /// Virtual address of the L4 page table.
    pub pt_base: VirtAddr,
    /// Pages of the initial page tables.
    pub nr_pt_frames: u64,
    /// Virtual address of the p2m list.
    pub mfn_list: VirtAddr,
    /// Virtual address of the module, or its pfn ([`SIF_MOD_START_PFN`]); 0 without a module.
    pub mod_start: u64,
    /// Bytes of the module.
    pub mod_len: u64,
    /// The command line, up to a NUL.
    pub cmd_line: [u8; MAX_CMDLINE],
    /// First pfn of the p2m list, when it lies outside the initial mapping.
    pub first_p2m_pfn: Pfn,
    /// Pages of the p2m list in that case.
    pub nr_p2m_frames: u64,
}

assert_layout!(StartInfo, size = 1168, shared_info @ 40, flags @ 48, store_mfn @ 56,
    store_evtchn @ 64, console0 @ 72, pt_base @ 88, nr_pt_frames @ 96, mfn_list @ 104,
    mod_start @ 112, cmd_line @ 128, first_p2m_pfn @ 1152);
default_zeroed!(StartInfo);

impl StartInfo {
    /// A zeroed page with its magic.
    #[must_use]
    pub fn new() -> Self {
        let mut info = Self::default();
        info.magic[..MAGIC.len()].copy_from_slice(MAGIC);
        info
    }

    /// Whether the magic is that of a 64-bit PV guest; Xen adds a letter to it for an image that
    /// names a PAE mode.
    #[must_use]
    pub fn has_magic(&self) -> bool {
        until_nul(&self.magic).starts_with(MAGIC)
    }

    /// domU: the console ring page.
    #[must_use]
    pub const fn console_mfn(&self) -> Mfn {
        Mfn::new(self.console0)
    }

    /// domU: the console's port.
    #[must_use]
    pub fn console_evtchn(&self) -> EvtchnPort {
        EvtchnPort::new(halves(self.console1).0)
    }

    /// domU: sets ring page and port of the console.
    pub fn set_console(&mut self, mfn: Mfn, port: EvtchnPort) {
        self.console0 = mfn.get();
        self.console1 = u64::from(port.get());
    }

    /// dom0: the VGA info, as byte offset from this struct and size in bytes.
    #[must_use]
    pub fn console_info(&self) -> (u32, u32) {
        halves(self.console0)
    }

    /// dom0: sets offset and size of the VGA info.
    pub fn set_console_info(&mut self, offset: u32, size: u32) {
        self.console0 = u64::from(offset) | u64::from(size) << 32;
    }

    /// The command line as text: empty if it is not UTF-8.
    #[must_use]
    pub fn cmd_line(&self) -> &str {
        core::str::from_utf8(until_nul(&self.cmd_line)).unwrap_or("")
    }

    /// Sets the command line; what does not fit before the final NUL is cut off.
    pub fn set_cmd_line(&mut self, text: &[u8]) {
        let len = text.len().min(MAX_CMDLINE - 1);
        self.cmd_line.fill(0);
        self.cmd_line[..len].copy_from_slice(&text[..len]);
    }
}

/// The bytes before the first NUL, or all.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(&[])
}

/// Low and high half of a 64-bit word.
fn halves(word: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = word.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_ends_at_nul_and_fits() {
        let mut info = StartInfo::new();
        assert!(info.has_magic());
        info.set_cmd_line(b"root=x");
        assert_eq!(info.cmd_line(), "root=x");
        info.set_cmd_line(&[b'a'; 5000]);
        assert_eq!(info.cmd_line().len(), 1023);
    }

    #[test]
    fn console_union() {
        let mut info = StartInfo::new();
        info.set_console(Mfn::new(0x1_0000_0007), EvtchnPort::new(9));
        assert_eq!((info.console_mfn().get(), info.console_evtchn().get()), (0x1_0000_0007, 9));
        info.set_console_info(1168, 24);
        assert_eq!(info.console_info(), (1168, 24));
    }
}
