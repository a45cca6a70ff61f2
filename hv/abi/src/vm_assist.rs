// SPDX-License-Identifier: MIT OR Apache-2.0
//! Emulation a guest can turn on (`public/xen.h`).

number_enum! {
    /// First argument of `vm_assist`.
    pub enum VmAssistCmd: u32 {
        /// Turns it on.
        Enable = 0,
        /// Turns it off.
        Disable = 1,
    }
}

number_enum! {
    /// Second argument of `vm_assist`.
    pub enum VmAssistType: u32 {
        /// 4 GiB segments (32-bit).
        FourGbSegments = 0,
        /// 4 GiB segments (32-bit), with a notice.
        FourGbSegmentsNotify = 1,
        /// Writes to page tables are emulated.
        WritablePagetables = 2,
        /// Page table root above 4 GiB.
        PaeExtendedCr3 = 3,
        /// The I/O privilege is in the flags of a trap frame.
        ArchitecturalIopl = 4,
        /// Runstate records say when they are being written.
        RunstateUpdateFlag = 5,
        /// The m2p table is not mapped in guest user mode.
        M2pStrict = 32,
    }
}

impl VmAssistType {
    /// The bit of this type in [`crate::vcpu::VcpuGuestContext::vm_assist`].
    #[must_use]
    pub const fn bit(self) -> u64 {
        1 << self.raw()
    }
}
