// SPDX-License-Identifier: MIT OR Apache-2.0
//! A vCPU's registers, all at once: set before it first runs, and read.
use core::sync::atomic::Ordering;

use hv_core::page_type::{PageTypes, Stop};
use xen_abi::domctl::VcpuContext;
use xen_abi::errno::Errno;
use xen_abi::frame::{Mfn, VirtAddr};
use xen_abi::trap::FIRST_RESERVED_GDT_ENTRY;
use xen_abi::vcpu::{
    VGCF_FAILSAFE_DISABLES_EVENTS, VGCF_I387_VALID, VGCF_IN_KERNEL, VGCF_ONLINE,
    VGCF_SYSCALL_DISABLES_EVENTS, VcpuGuestContext,
};

use super::{Request, hvm_context};
use crate::address_space;
use crate::arch::control::CR0_TS;
use crate::debugreg;
use crate::domain::Domain;
use crate::emulate::control_register::{self, available_cr4};
use crate::guest_ptr::GuestPtr;
use crate::hypercall::{Outcome, ldt, page_owner};
use crate::machine::Host;
use crate::schedule;
use crate::vcpu::{Callback, Callbacks, GdtState, LdtState, SegmentState, Vcpu};

/// Descriptors in a frame.
const PER_FRAME: u32 = 512;
/// Frames of a guest's GDT.
const GDT_FRAMES: usize = 14;

fn find<'d>(
    domain: &'d Domain,
    request: &Request,
) -> Result<(&'d Vcpu, GuestPtr<VcpuGuestContext>), Errno> {
    let VcpuContext { vcpu, ctxt, .. } = request.payload()?;
    Ok((domain.vcpu(vcpu).ok_or(Errno::Einval)?, GuestPtr::new(ctxt)))
}

/// Sets the registers of a vCPU that never ran. `EINVAL` for addresses that are not canonical or
/// frames that cannot be what they are to be, `EOPNOTSUPP` for a vCPU that has its registers.
pub(super) fn set(domain: &Domain, request: &Request) -> Result<Outcome, Errno> {
    let (vcpu, at) = find(domain, request)?;
    if vcpu.kernel_root.get().is_some() || domain.hvm.is_some() {
        return Err(Errno::Eopnotsupp);
    }
    if domain.life.lock().is_dying() {
        return Err(Errno::Einval);
    }
    let context = at.read()?;
    check(&context)?;
    match hold(domain, &context) {
        Ok(held) => {
            install(vcpu, &context, held);
            Ok(Outcome::Done(0))
        }
        Err(Stop::Refused(errno)) => Err(errno),
        Err(Stop::Preempted) => Ok(request.again()),
    }
}

fn check(context: &VcpuGuestContext) -> Result<(), Errno> {
    let addresses = [
        context.user_regs.rip,
        context.event_callback_eip,
        context.failsafe_callback_eip,
        context.syscall_callback_eip,
        context.fs_base,
        context.gs_base_kernel,
        context.gs_base_user,
    ];
    let handlers = context.trap_ctxt.iter().map(|trap| trap.address);
    let canonical =
        addresses.into_iter().chain(handlers).all(|at| VirtAddr::new(at).is_canonical());
    let gdt = context.gdt_ents <= u64::from(FIRST_RESERVED_GDT_ENTRY);
    // User mode needs a root of its own.
    let mode = context.flags & VGCF_IN_KERNEL != 0 || context.ctrlreg.get(1) != Some(&0);
    if canonical && gdt && mode { Ok(()) } else { Err(Errno::Einval) }
}

/// Frames with the references that a vCPU holds; [`drop_all`](Held::drop_all) lets go of them.
struct Held {
    kernel_root: Mfn,
    user_root: Option<Mfn>,
    gdt: GdtState,
    ldt: LdtState,
}

impl Held {
    fn drop_all(&self, types: &PageTypes<'_, Host>) {
        let roots = [Some(self.kernel_root), self.user_root];
        let tables = self.gdt.frames.into_iter().chain(self.ldt.frames);
        let frames = roots.into_iter().chain(tables).flatten();
        frames.for_each(|mfn| types.put_page_and_type(mfn));
    }
}

/// The root in a control register; `None` for none.
fn root(cr3: u64) -> Option<Mfn> {
    (cr3 != 0).then(|| Mfn::new(cr3 >> 12))
}

/// Takes references on all frames that the context names.
fn hold(domain: &Domain, context: &VcpuGuestContext) -> Result<Held, Stop> {
    let types = page_owner::page_types();
    let [_, user_cr3, _, cr3, ..] = context.ctrlreg;
    let kernel_root = root(cr3).ok_or(Errno::Einval)?;
    types.get_root(kernel_root, domain.id)?;
    let entries = u32::try_from(context.gdt_ents).unwrap_or(0);
    let gdt = GdtState { frames: [None; GDT_FRAMES], entries };
    let mut held = Held { kernel_root, user_root: None, gdt, ldt: LdtState::default() };
    let result = hold_rest(&types, domain, context, root(user_cr3), &mut held);
    if result.is_err() {
        held.drop_all(&types);
    }
    result.map(|()| held)
}

fn hold_rest(
    types: &PageTypes<'_, Host>,
    domain: &Domain,
    context: &VcpuGuestContext,
    user_root: Option<Mfn>,
    held: &mut Held,
) -> Result<(), Stop> {
    if let Some(mfn) = user_root {
        types.get_root(mfn, domain.id)?;
        held.user_root = Some(mfn);
    }
    let count = usize::try_from(held.gdt.entries.div_ceil(PER_FRAME)).unwrap_or(GDT_FRAMES);
    for (slot, &mfn) in held.gdt.frames.iter_mut().zip(&context.gdt_frames).take(count) {
        types.get_descriptors(mfn, domain.id)?;
        *slot = Some(mfn);
    }
    let root = Some(held.kernel_root);
    held.ldt = ldt::take(types, domain.id, root, context.ldt_base, context.ldt_ents)?;
    Ok(())
}

/// Sets everything; nothing can fail any more.
fn install(vcpu: &Vcpu, context: &VcpuGuestContext, held: Held) {
    address_space::set_kernel_root(vcpu, held.kernel_root);
    address_space::set_user_root(vcpu, held.user_root);
    vcpu.gdt.set(held.gdt);
    vcpu.ldt.set(held.ldt);
    for (trap, handler) in vcpu.traps.iter().zip(&context.trap_ctxt) {
        let mut handler = *handler;
        handler.cs |= 3;
        trap.set(handler);
    }
    vcpu.regs.set_user_regs(&context.user_regs);
    vcpu.in_kernel.set(context.flags & VGCF_IN_KERNEL != 0);
    let [kernel_ss, ..] = low_words(context.kernel_ss);
    vcpu.kernel_ss.set(kernel_ss | 3);
    vcpu.kernel_sp.set(context.kernel_sp);
    let regs = &context.user_regs;
    vcpu.segments.set(SegmentState {
        selectors: [regs.ds, regs.es, regs.fs, regs.gs],
        fs_base: context.fs_base,
        gs_base_kernel: context.gs_base_kernel,
        gs_base_user: context.gs_base_user,
    });
    vcpu.callbacks.set(callbacks(context));
    if context.flags & VGCF_I387_VALID != 0 {
        vcpu.set_vector_state(&context.fpu_ctxt);
    }
    let [cr0, _, _, _, cr4, ..] = context.ctrlreg;
    vcpu.task_switched.set(cr0 & CR0_TS != 0);
    vcpu.cr4.set(cr4 & available_cr4());
    for (number, value) in (0..).zip(context.debugreg).filter(|(number, _)| is_debugreg(*number)) {
        // A value that it may not have leaves the register as it is, as on Xen.
        let _ = debugreg::set(vcpu, number, value);
    }
    vcpu.domain().vm_assist.store(context.vm_assist, Ordering::Relaxed);
    schedule::set_up(vcpu, context.flags & VGCF_ONLINE != 0);
}

/// 4 and 5 are other names of 6 and 7.
fn is_debugreg(number: u8) -> bool {
    !matches!(number, 4 | 5)
}

fn callbacks(context: &VcpuGuestContext) -> Callbacks {
    let callback =
        |address, masking| Callback { address, masks_events: context.flags & masking != 0 };
    Callbacks {
        event: callback(context.event_callback_eip, 0),
        failsafe: callback(context.failsafe_callback_eip, VGCF_FAILSAFE_DISABLES_EVENTS),
        syscall: callback(context.syscall_callback_eip, VGCF_SYSCALL_DISABLES_EVENTS),
        ..Callbacks::default()
    }
}

fn low_words(value: u64) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    [[a, b], [c, d], [e, f], [g, h]].map(u16::from_le_bytes)
}

/// Reads the registers of a vCPU that does not run. `ENODATA` for one that has none yet.
pub(super) fn get(domain: &Domain, request: &Request) -> Result<(), Errno> {
    let (vcpu, at) = find(domain, request)?;
    if domain.hvm.is_some() {
        return at.write(&hvm_context::of(vcpu)?);
    }
    let kernel_root = vcpu.kernel_root.get().ok_or(Errno::Enodata)?;
    let mut context =
        VcpuGuestContext { user_regs: vcpu.regs.to_user_regs(), ..Default::default() };
    let segments = vcpu.segments.get();
    let [ds, es, fs, gs] = segments.selectors;
    let regs = &mut context.user_regs;
    (regs.ds, regs.es, regs.fs, regs.gs) = (ds, es, fs, gs);
    context.flags = flags(vcpu);
    context.fpu_ctxt = vcpu.vector_state();
    for (number, value) in (0..).zip(&mut context.debugreg) {
        *value = if is_debugreg(number) { debugreg::read(vcpu, number)? } else { 0 };
    }
    for (handler, trap) in context.trap_ctxt.iter_mut().zip(&vcpu.traps) {
        *handler = trap.get();
    }
    let (gdt, ldt) = (vcpu.gdt.get(), vcpu.ldt.get());
    for (frame, held) in context.gdt_frames.iter_mut().zip(gdt.frames) {
        *frame = held.unwrap_or_default();
    }
    context.gdt_ents = u64::from(gdt.entries);
    (context.ldt_base, context.ldt_ents) = (ldt.base, u64::from(ldt.entries));
    context.kernel_ss = u64::from(vcpu.kernel_ss.get());
    context.kernel_sp = vcpu.kernel_sp.get();
    let cr3 = |root: Mfn| root.maddr().get();
    let user_cr3 = vcpu.user_root.get().map_or(0, cr3);
    let [cr0, cr4] = [0, 4].map(|number| control_register::read(vcpu, number).unwrap_or(0));
    context.ctrlreg = [cr0, user_cr3, 0, cr3(kernel_root), cr4, 0, 0, 0];
    let callbacks = vcpu.callbacks.get();
    context.event_callback_eip = callbacks.event.address;
    context.failsafe_callback_eip = callbacks.failsafe.address;
    context.syscall_callback_eip = callbacks.syscall.address;
    context.vm_assist = domain.vm_assist.load(Ordering::Relaxed);
    context.fs_base = segments.fs_base;
    context.gs_base_kernel = segments.gs_base_kernel;
    context.gs_base_user = segments.gs_base_user;
    at.write(&context)
}

fn flags(vcpu: &Vcpu) -> u64 {
    let callbacks = vcpu.callbacks.get();
    let bits = [
        (vcpu.fpu_valid.get(), VGCF_I387_VALID),
        (vcpu.in_kernel.get(), VGCF_IN_KERNEL),
        (callbacks.failsafe.masks_events, VGCF_FAILSAFE_DISABLES_EVENTS),
        (callbacks.syscall.masks_events, VGCF_SYSCALL_DISABLES_EVENTS),
        (vcpu.account.get().is_up(), VGCF_ONLINE),
    ];
    bits.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit)
}
