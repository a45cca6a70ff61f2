// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fields of a VMCS by their encodings (appendix B).
use hv_core::instruction_bytes::SegmentRegister;

/// A field's encoding.
#[derive(Clone, Copy)]
pub struct Field(u32);

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $encoding:literal),* $(,)?) => {
        impl Field { $( $(#[$doc])* pub const $name: Self = Self($encoding); )* }
    };
}

fields! {
    /// Tag of the guest's translations.
    VPID = 0x0000,
    HOST_ES = 0x0c00,
    HOST_CS = 0x0c02,
    HOST_SS = 0x0c04,
    HOST_DS = 0x0c06,
    HOST_FS = 0x0c08,
    HOST_GS = 0x0c0a,
    HOST_TR = 0x0c0c,
    MSR_BITMAP = 0x2004,
    EXIT_MSR_STORE = 0x2006,
    EXIT_MSR_LOAD = 0x2008,
    ENTRY_MSR_LOAD = 0x200a,
    TSC_OFFSET = 0x2010,
    /// Root of the second-level tables, with their form.
    EPT_POINTER = 0x201a,
    GUEST_PHYSICAL_ADDRESS = 0x2400,
    /// Another VMCS: none.
    LINK_POINTER = 0x2800,
    GUEST_DEBUGCTL = 0x2802,
    GUEST_PAT = 0x2804,
    GUEST_EFER = 0x2806,
    HOST_PAT = 0x2c00,
    HOST_EFER = 0x2c02,
    PIN_CONTROLS = 0x4000,
    PROCESSOR_CONTROLS = 0x4002,
    EXCEPTIONS = 0x4004,
    PAGE_FAULT_MASK = 0x4006,
    PAGE_FAULT_MATCH = 0x4008,
    CR3_TARGET_COUNT = 0x400a,
    EXIT_CONTROLS = 0x400c,
    EXIT_MSR_STORE_COUNT = 0x400e,
    EXIT_MSR_LOAD_COUNT = 0x4010,
    ENTRY_CONTROLS = 0x4012,
    ENTRY_MSR_LOAD_COUNT = 0x4014,
    /// The event to deliver at entry.
    ENTRY_EVENT = 0x4016,
    ENTRY_ERROR_CODE = 0x4018,
    SECONDARY_CONTROLS = 0x401e,
    /// Why the last entry failed before the guest's state was looked at.
    INSTRUCTION_ERROR = 0x4400,
    EXIT_REASON = 0x4402,
    /// The exception of an exit.
    EXIT_EVENT = 0x4404,
    EXIT_ERROR_CODE = 0x4406,
    /// The event whose delivery an exit broke off.
    VECTORING_EVENT = 0x4408,
    VECTORING_ERROR_CODE = 0x440a,
    INSTRUCTION_LENGTH = 0x440c,
    GUEST_GDTR_LIMIT = 0x4810,
    GUEST_IDTR_LIMIT = 0x4812,
    /// What holds interrupts back.
    INTERRUPTIBILITY = 0x4824,
    /// Whether the guest is halted: never.
    ACTIVITY = 0x4826,
    GUEST_SYSENTER_CS = 0x482a,
    /// Counts down while the guest runs, which leaves at 0.
    TIMER = 0x482e,
    HOST_SYSENTER_CS = 0x4c00,
    /// Bits of CR0 that are the hypervisor's.
    CR0_MASK = 0x6000,
    /// Bits of CR4 that are the hypervisor's.
    CR4_MASK = 0x6002,
    /// What the guest reads of the hypervisor's bits of CR0.
    CR0_SHADOW = 0x6004,
    /// What the guest reads of the hypervisor's bits of CR4.
    CR4_SHADOW = 0x6006,
    QUALIFICATION = 0x6400,
    GUEST_CR0 = 0x6800,
    GUEST_CR3 = 0x6802,
    GUEST_CR4 = 0x6804,
    GUEST_GDTR_BASE = 0x6816,
    GUEST_IDTR_BASE = 0x6818,
    GUEST_DR7 = 0x681a,
    GUEST_RSP = 0x681c,
    GUEST_RIP = 0x681e,
    GUEST_RFLAGS = 0x6820,
    PENDING_DEBUG = 0x6822,
    GUEST_SYSENTER_ESP = 0x6824,
    GUEST_SYSENTER_EIP = 0x6826,
    HOST_CR0 = 0x6c00,
    HOST_CR3 = 0x6c02,
    HOST_CR4 = 0x6c04,
    HOST_FS_BASE = 0x6c06,
    HOST_GS_BASE = 0x6c08,
    HOST_TR_BASE = 0x6c0a,
    HOST_GDTR_BASE = 0x6c0c,
    HOST_IDTR_BASE = 0x6c0e,
    HOST_SYSENTER_ESP = 0x6c10,
    HOST_SYSENTER_EIP = 0x6c12,
    HOST_RSP = 0x6c14,
    HOST_RIP = 0x6c16,
}

/// A segment register of the guest, in the order of the encodings.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum SegmentName {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
    Ldtr,
    Tr,
}

impl From<SegmentRegister> for SegmentName {
    fn from(register: SegmentRegister) -> Self {
        match register {
            SegmentRegister::Es => Self::Es,
            SegmentRegister::Cs => Self::Cs,
            SegmentRegister::Ss => Self::Ss,
            SegmentRegister::Ds => Self::Ds,
            SegmentRegister::Fs => Self::Fs,
            SegmentRegister::Gs => Self::Gs,
        }
    }
}

impl SegmentName {
    /// cs, ds, es, fs, gs, ss, tr, ldtr: the order of [`xen_abi::hvm_save`].
    pub const SAVED: [Self; 8] =
        [Self::Cs, Self::Ds, Self::Es, Self::Fs, Self::Gs, Self::Ss, Self::Tr, Self::Ldtr];

    const fn of(self, first: u32) -> Field {
        Field(first + 2 * self as u32)
    }

    /// Its selector.
    pub const fn selector(self) -> Field {
        self.of(0x0800)
    }

    /// Its limit.
    pub const fn limit(self) -> Field {
        self.of(0x4800)
    }

    /// Its access rights.
    pub const fn access_rights(self) -> Field {
        self.of(0x4814)
    }

    /// Its base.
    pub const fn base(self) -> Field {
        self.of(0x6806)
    }
}

impl Field {
    /// Entry `index`, 0 to 3, of the page directory pointers, which a guest with PAE outside long
    /// mode has in registers.
    pub const fn page_directory_pointer(index: u32) -> Self {
        Self(0x280a + 2 * index)
    }

    /// The number that the instructions take.
    pub const fn encoding(self) -> u64 {
        self.0 as u64
    }
}
