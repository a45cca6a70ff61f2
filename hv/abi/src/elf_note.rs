// SPDX-License-Identifier: MIT OR Apache-2.0
//! Notes in a guest's ELF image (`public/elfnote.h`).

/// The owner of the notes, with its NUL.
pub const OWNER: &[u8] = b"Xen\0";
/// The text of [`NoteType::XenVersion`].
pub const XEN_VERSION: &str = "xen-3.0";

number_enum! {
    /// The type of a note.
    pub enum NoteType: u32 {
        /// Free text.
        Info = 0,
        /// Virtual address of the entry point.
        Entry = 1,
        /// Virtual address of the page for hypercall stubs.
        HypercallPage = 2,
        /// Virtual address of pfn 0.
        VirtBase = 3,
        /// What the image's physical addresses have too much.
        PaddrOffset = 4,
        /// Interface text.
        XenVersion = 5,
        /// The guest's name.
        GuestOs = 6,
        /// The guest's version.
        GuestVersion = 7,
        /// The loader it wants: `generic`.
        Loader = 8,
        /// 32-bit page tables.
        PaeMode = 9,
        /// Feature names, with `|` between and `!` before those required.
        Features = 10,
        /// Symbols wanted.
        BsdSymtab = 11,
        /// Lowest address the hypervisor may use (32-bit).
        HvStartLow = 12,
        /// Which page table entries are valid.
        L1MfnValid = 13,
        /// The guest can go on after a cancelled suspend.
        SuspendCancel = 14,
        /// Virtual address of the p2m list.
        InitP2m = 15,
        /// The module need not be mapped.
        ModStartPfn = 16,
        /// Features as bits.
        SupportedFeatures = 17,
        /// Physical address of the 32-bit entry point (PVH).
        Phys32Entry = 18,
        /// The PVH image may be moved.
        Phys32Reloc = 19,
    }
}
