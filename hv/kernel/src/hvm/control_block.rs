// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`ControlBlock`]: what a back end gives for each vCPU, and [`Backend`]: what it is.
use hv_core::hvm::p2m::Format;
use hv_core::hvm::paging::{EFER_LMA, Paging};
use hv_core::instruction_bytes::SegmentRegister;
use xen_abi::frame::Mfn;
use xen_abi::hvm_save::HvmCpu;

use super::MemoryKind;
use super::exit_reason::Exit;
use crate::vcpu::Vcpu;

/// A back end that the processor has, turned on.
pub struct Backend {
    /// What it is called.
    pub name: &'static str,
    /// The processor walks second-level tables; without, guests' tables are shadowed.
    pub has_nested_paging: bool,
    /// Number of tags for guests' translations: 1 to this one, if it is not 0.
    pub tags: u32,
    /// How second-level tables are written.
    pub format: Format,
    /// The instruction of a hypercall.
    pub hypercall: [u8; 3],
    /// Processors of this maker have `IA32_MISC_ENABLE`.
    pub has_misc_enable: bool,
    /// A control block for a vCPU without registers; `None` without memory.
    pub make: fn() -> Option<&'static dyn ControlBlock>,
    /// The assembly that enters: rax is the vCPU.
    pub enter: unsafe extern "C" fn(),
}

/// What a guest waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing.
    Nothing,
    /// The interrupt with this vector, as soon as its interrupt flag allows, whatever CR8 is.
    Interrupt(u8),
    /// It is to leave by a write of CR8.
    TaskPriority,
    /// It is to leave when it can take an interrupt or an NMI ([`Exit::Window`]).
    Window,
}

/// Two words that a back end's assembly gets from [`ControlBlock::prepare`].
#[repr(C)]
pub struct EntryWords(pub u64, pub u64);

/// What the processor is told of cached translations when a guest is entered.
#[derive(Clone, Copy)]
pub struct Translations {
    /// The tag of this guest's, from 1 on. It is a new one when they are no longer good.
    pub tag: u32,
    /// Those of all tags are to be forgotten: tags begin to be used again.
    pub forget_all: bool,
    /// The tables under the guest's paging root lost something: what was cached of them alone, not
    /// by tag, is to be forgotten.
    pub root_changed: bool,
}

/// A segment register, as it stands in AMD's control block.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Segment {
    /// Selector.
    pub selector: u16,
    /// Bits 40 to 47 and 52 to 55 of a descriptor.
    pub attributes: u16,
    /// Bytes, less one.
    pub limit: u32,
    /// First byte.
    pub base: u64,
}

impl Segment {
    /// Attribute: 64-bit code.
    const LONG: u16 = 1 << 9;
    /// Attribute: 32-bit code.
    pub const WIDE: u16 = 1 << 10;

    /// Number `index` in the order of a saved state.
    pub fn saved(cpu: &HvmCpu, index: usize) -> Self {
        let low_half = |word: u32| {
            let [low, high, ..] = word.to_le_bytes();
            u16::from_le_bytes([low, high])
        };
        Self {
            selector: low_half(cpu.selectors[index]),
            attributes: low_half(cpu.attributes[index]) & 0xfff,
            limit: cpu.limits[index],
            base: cpu.bases[index],
        }
    }

    /// Fills in number `index` of a saved state.
    pub fn save(self, cpu: &mut HvmCpu, index: usize) {
        cpu.selectors[index] = u32::from(self.selector);
        cpu.attributes[index] = u32::from(self.attributes);
        cpu.limits[index] = self.limit;
        cpu.bases[index] = self.base;
    }
}

/// How the processor is told of a vCPU of a PVH domain, and tells. Nobody else runs the vCPU
/// meanwhile.
pub trait ControlBlock: Sync {
    /// Gives the memory back; the vCPU never runs again.
    fn free(&'static self);

    /// The last step before the assembly: takes over the general registers that are the
    /// processor's, and what becomes of cached translations.
    fn prepare(&self, vcpu: &Vcpu, translations: Translations) -> EntryWords;

    /// The first step behind the assembly: gives back those registers, and says why the guest left.
    /// What was being delivered meanwhile is delivered at the next entry.
    fn exit(&self, vcpu: &Vcpu) -> Exit;

    /// Delivers an exception at the next entry.
    fn inject(&self, vector: u8, error_code: Option<u32>);

    /// Delivers an NMI at the next entry, if the guest can take one then.
    fn inject_nmi(&self) -> bool;

    /// Says what the guest is to take, or what is to make it leave, until the next call.
    fn request(&self, request: Request);

    /// Whether the guest has taken the interrupt of the last [`Self::request`].
    fn is_interrupt_taken(&self) -> bool;

    /// CR8, 0 to 15.
    fn task_priority(&self) -> u8;

    /// Sets CR8.
    fn set_task_priority(&self, class: u8);

    /// The guest is past the instruction before which interrupts were held back.
    fn clear_interrupt_shadow(&self);

    /// Bytes of the instruction that made the guest leave, if the processor says so.
    fn instruction_length(&self) -> Option<u8>;

    /// Sets the root of the tables that the processor walks: second-level tables, or, with a shadow,
    /// those that translate the guest's addresses.
    fn set_paging_root(&self, root: Mfn);

    /// Sets how the guest's memory is virtualized from now on. With a shadow, accesses to CR0, CR3
    /// and CR4, page faults and `invlpg` leave the guest, and what it sees in control registers is
    /// not what the processor runs with ([`Self::set_hardware`]).
    fn virtualize_memory(&self, kind: MemoryKind);

    /// Whether the processor could enter the guest, in the state in which it is, with a shadow.
    /// `false` only where there are second-level tables.
    fn can_be_shadowed(&self) -> bool {
        true
    }

    /// Under shadow paging, the control registers that the processor runs with, but for the root.
    fn set_hardware(&self, paging: &Paging);

    /// How the guest translates addresses now, and its other bits of the control registers.
    fn paging(&self) -> Paging;

    /// Sets the control registers and EFER to values that hv-core has allowed.
    fn set_paging(&self, paging: &Paging);

    /// CR2.
    fn set_fault_address(&self, address: u64);

    /// Sets what is added to the host's TSC.
    fn set_tsc_offset(&self, offset: u64);

    /// The privilege level, 0 to 3.
    fn cpl(&self) -> u8;

    /// A segment register.
    fn segment(&self, register: SegmentRegister) -> Segment;

    /// The guest's page attributes.
    fn pat(&self) -> u64;

    /// Sets the guest's page attributes to a value that hv-core has allowed.
    fn set_pat(&self, value: u64);

    /// DR6 and DR7.
    fn debug(&self) -> [u64; 2];

    /// Sets DR6 and DR7 to values without reserved bits.
    fn set_debug(&self, values: [u64; 2]);

    /// Sets what is left of a state: segments, descriptor tables, CR2, MSRs of system calls, and the
    /// event to deliver at the next entry.
    fn set_state(&self, cpu: &HvmCpu);

    /// Fills in everything that [`Self::set_state`] sets.
    fn read_state(&self, cpu: &mut HvmCpu);

    /// Whether the guest runs 64-bit code.
    fn is_64_bit(&self) -> bool {
        self.paging().efer & EFER_LMA != 0
            && self.segment(SegmentRegister::Cs).attributes & Segment::LONG != 0
    }
}
