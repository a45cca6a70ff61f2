// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Vcpu`]: what the hypervisor keeps of one virtual CPU.
//!
//! Entering ring 0 stores the guest's registers at the start of the structure (`entry/entry.S`
//! has the offsets by `offset_of!`); they stay there until the vCPU leaves ring 0 again, so a
//! switch to another vCPU copies none. Everything the assembly touches comes first.
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use hv_core::scheduler::DEFAULT_WEIGHT;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::shared_info::VcpuInfo;
use xen_abi::trap::TrapInfo;

use crate::arch::fpu_state::{FpuArea, IMAGE_BYTES, IMAGE_XMM};
use crate::domain::Domain;
use crate::extended_state;
use crate::hvm::{HvmVcpu, MemoryKind};
use crate::nmi::NmiState;
use crate::registers::{FRAME_BYTES, Registers};
use crate::run_cell::RunCell;
use crate::schedule::Account;

/// xmm0 to xmm15 of the guest while the hypervisor's own code uses them.
#[repr(C, align(16))]
pub struct XmmArea(RunCell<[[u8; 16]; 16]>);

impl XmmArea {
    /// The registers, one after the other.
    pub fn get(&self) -> [u8; 256] {
        let mut bytes = [0; 256];
        bytes.copy_from_slice(self.0.get().as_flattened());
        bytes
    }

    /// Sets the registers of a vCPU that does not run.
    pub fn set(&self, bytes: &[u8; 256]) {
        let mut registers = [[0; 16]; 16];
        registers.as_flattened_mut().copy_from_slice(bytes);
        self.0.set(registers);
    }
}

/// A virtual CPU. Zero bytes are one that nobody has set up yet, but for `domain` and `info`.
#[repr(C, align(64))]
pub struct Vcpu {
    domain: NonNull<Domain>,
    /// The guest's general registers, rip, rflags and selectors. `cs` and `ss` have RPL 3; `rsp0`
    /// of the TSS points behind `ss`, which is aligned to 16.
    pub regs: Registers,
    /// The guest's xmm registers.
    pub xmm: XmmArea,
    /// Where the vCPU's `vcpu_info` is: in the shared info page, or where it was registered.
    info: RunCell<&'static VcpuInfo>,
    /// The guest's kernel is running, not its user mode. Both are in ring 3.
    pub in_kernel: RunCell<bool>,
    /// The guest's CR0.TS: its next vector instruction takes #NM.
    pub task_switched: RunCell<bool>,
    /// The vCPU is one of a PVH domain. Stands behind `task_switched`: the way out looks at both at
    /// once.
    pub is_hvm: RunCell<bool>,
    /// What a vCPU of a PVH domain has besides.
    pub hvm: HvmVcpu,
    /// Number of the vCPU in its domain.
    pub id: u32,
    /// L4 in use in kernel mode; holds a type reference.
    pub kernel_root: RunCell<Option<Mfn>>,
    /// L4 in use in user mode, if one was set; holds a type reference.
    pub user_root: RunCell<Option<Mfn>>,
    /// Stack for traps from user mode (`stack_switch`).
    pub kernel_sp: RunCell<u64>,
    /// Stack selector for traps from user mode, RPL 3.
    pub kernel_ss: RunCell<u16>,
    /// Data segments; what is true of them while the vCPU runs is said at [`crate::segment`].
    pub segments: RunCell<SegmentState>,
    /// Callbacks that are not exceptions.
    pub callbacks: RunCell<Callbacks>,
    /// Frames of the guest's GDT with its number of entries; each frame holds a type reference.
    pub gdt: RunCell<GdtState>,
    /// The guest's LDT.
    pub ldt: RunCell<LdtState>,
    /// DR0 to DR3, unused, unused, DR6, DR7.
    pub debug: RunCell<[u64; 8]>,
    /// The vector state is not that of a reset: it was set, or the vCPU has run.
    pub fpu_valid: RunCell<bool>,
    /// CR4 bits the guest has chosen.
    pub cr4: RunCell<u64>,
    /// Virtual I/O privilege level (`PHYSDEVOP_set_iopl`), 0 to 3.
    pub iopl: RunCell<u8>,
    /// The frame of the registered `vcpu_info`, which holds references; `None`: it is in the shared
    /// info page.
    pub info_frame: RunCell<Option<Mfn>>,
    /// Where the guest wants its runstate; 0 is nowhere.
    pub runstate_area: RunCell<u64>,
    /// Where the guest wants a second copy of its clock; 0 is nowhere.
    pub time_area: RunCell<u64>,
    /// Whether an NMI waits for the guest.
    pub nmi: RunCell<NmiState>,
    /// A multicall is being executed.
    pub in_multicall: RunCell<bool>,
    /// What the scheduler keeps.
    pub account: RunCell<Account>,
    /// Handlers of the 256 vectors (`set_trap_table`).
    pub traps: [RunCell<TrapInfo>; 256],
    /// The components of the extended state that the guest has on; 0 without xsave.
    pub xcr0: RunCell<u64>,
    /// x87, MXCSR and everything above xmm, while the vCPU does not run.
    pub fpu: FpuArea,
}

/// Selectors and bases of the data segments.
#[derive(Clone, Copy, Default)]
pub struct SegmentState {
    /// ds, es, fs, gs as the guest left them.
    pub selectors: [u16; 4],
    /// Base of fs.
    pub fs_base: u64,
    /// Base of gs in kernel mode.
    pub gs_base_kernel: u64,
    /// Base of gs in user mode.
    pub gs_base_user: u64,
}

/// An address that the guest registered; 0 is none.
#[derive(Clone, Copy, Default)]
pub struct Callback {
    /// Where the guest continues.
    pub address: u64,
    /// Whether its upcalls are masked there.
    pub masks_events: bool,
}

/// Addresses the guest registered by `set_callbacks` and `callback_op`.
#[derive(Clone, Copy, Default)]
pub struct Callbacks {
    /// Event upcall.
    pub event: Callback,
    /// A selector or an iret frame of the guest was wrong.
    pub failsafe: Callback,
    /// `syscall` from user mode.
    pub syscall: Callback,
    /// `syscall` from 32-bit user mode.
    pub syscall32: Callback,
    /// `sysenter` from user mode.
    pub sysenter: Callback,
}

/// The guest's global descriptor table.
#[derive(Clone, Copy, Default)]
pub struct GdtState {
    /// Frames of type segment descriptor, from the start of the table.
    pub frames: [Option<Mfn>; 14],
    /// Number of entries.
    pub entries: u32,
}

/// The guest's local descriptor table.
#[derive(Clone, Copy, Default)]
pub struct LdtState {
    /// Frames of type segment descriptor that are mapped at `base`.
    pub frames: [Option<Mfn>; 16],
    /// Linear address in the guest, page aligned.
    pub base: u64,
    /// Number of entries; 0 is no table.
    pub entries: u32,
}

/// Offset of the byte behind `ss` in the register area: where the CPU starts pushing.
pub const FRAME_END: usize = offset_of!(Vcpu, regs) + FRAME_BYTES;

const _: () = assert!(FRAME_END.is_multiple_of(16));
const _: () = assert!(offset_of!(Vcpu, is_hvm) == offset_of!(Vcpu, task_switched) + 1);

impl Vcpu {
    /// Makes vCPU number `id` of `domain` at `place`, with registers of zero and nothing set up.
    ///
    /// # Safety
    /// `place` is zeroed memory for a `Vcpu` that nobody else uses, and `domain` outlives it.
    pub unsafe fn create(
        place: NonNull<Self>,
        domain: NonNull<Domain>,
        id: u32,
        info: &'static VcpuInfo,
    ) {
        let place = place.as_ptr();
        let at = |offset| place.cast::<u8>().wrapping_add(offset);
        let owner: *mut NonNull<Domain> = at(offset_of!(Self, domain)).cast();
        // SAFETY: the field of a place for a `Vcpu`.
        unsafe { owner.write(domain) }
        let number: *mut u32 = at(offset_of!(Self, id)).cast();
        // SAFETY: as above.
        unsafe { number.write(id) }
        let place_of_info: *mut &'static VcpuInfo = at(offset_of!(Self, info)).cast();
        // SAFETY: as above; the cell has the layout of what it holds.
        unsafe { place_of_info.write(info) }
        // SAFETY: zero is a valid value of every other field.
        let vcpu = unsafe { &*place };
        vcpu.in_kernel.set(true);
        vcpu.account.set(Account::new(DEFAULT_WEIGHT));
        vcpu.xcr0.set(extended_state::initial());
        vcpu.fpu.reset();
    }

    /// Makes the vCPU one of a PVH domain.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn virtualize(&self, memory: MemoryKind) -> Result<(), Errno> {
        self.hvm.init(self.id, memory)?;
        self.is_hvm.set(true);
        Ok(())
    }

    /// The vector state of a vCPU that does not run, in the form of fxsave.
    pub fn vector_state(&self) -> [u8; IMAGE_BYTES] {
        let mut image = self.fpu.image();
        image[IMAGE_XMM].copy_from_slice(&self.xmm.get());
        image
    }

    /// Sets the vector state of a vCPU that does not run.
    pub fn set_vector_state(&self, image: &[u8; IMAGE_BYTES]) {
        self.fpu.set_image(image);
        if let Some(xmm) = image[IMAGE_XMM].first_chunk() {
            self.xmm.set(xmm);
        }
        self.fpu_valid.set(true);
    }

    /// Where the vCPU's `vcpu_info` is.
    pub fn info(&self) -> &'static VcpuInfo {
        self.info.get()
    }

    /// Moves the `vcpu_info` (`VCPUOP_register_vcpu_info`).
    pub fn set_info(&self, info: &'static VcpuInfo) {
        self.info.set(info);
    }

    /// The I/O privilege level that frames show: the virtual one, if the guest asked for that
    /// (`VMASST_TYPE_architectural_iopl`).
    pub fn shown_iopl(&self) -> u8 {
        const ARCHITECTURAL_IOPL: u64 = 1 << 4;
        let assist = self.domain().vm_assist.load(Ordering::Relaxed);
        if assist & ARCHITECTURAL_IOPL != 0 { self.iopl.get() } else { 0 }
    }

    /// The domain of the vCPU.
    pub fn domain(&self) -> &Domain {
        // SAFETY: the domain owns the vCPU and outlives it.
        unsafe { self.domain.as_ref() }
    }
}
