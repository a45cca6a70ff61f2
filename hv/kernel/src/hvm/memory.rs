// SPDX-License-Identifier: MIT OR Apache-2.0
//! A PVH guest's memory by its own addresses: through its page tables to its frames, and through the
//! p2m to the machine's. Every step may fail, and none is trusted.
use hv_core::frame_memory::FrameMemory;
use hv_core::hvm::p2m::Cursor;
use hv_core::hvm::paging::{Access, Paging};
use hv_core::hvm::trail::{Purpose, Recorder, Trail};
use xen_abi::frame::{Gfn, Maddr, PAGE_SHIFT, PAGE_SIZE};

use super::shadow;
use crate::machine::Host;
use crate::memory::direct_map;
use crate::vcpu::Vcpu;

/// Bytes of a page as addresses count them.
const PAGE: u64 = PAGE_SIZE as u64;

/// Where a physical address of the guest is in the machine; `None` where there is no memory, or
/// none to write.
fn machine_address(p2m: &Cursor<'_, Host>, address: u64, access: Access) -> Option<Maddr> {
    let leaf = p2m.get(Gfn::new(address >> PAGE_SHIFT))?;
    if access == Access::Write && !leaf.writable {
        return None;
    }
    Some(Maddr::new(leaf.mfn.maddr().get() | (address % PAGE)))
}

/// Calls `f` with the machine address and the length of each part of `length` bytes from `address`
/// on, none of which goes over a page; `None` at the first that cannot be reached. The p2m is
/// locked, so the frames stay.
fn for_each_part(
    vcpu: &Vcpu,
    address: u64,
    length: usize,
    access: Access,
    mut f: impl FnMut(Maddr, usize),
) -> Option<()> {
    let hvm = vcpu.domain().hvm.as_ref()?;
    let p2m = hvm.p2m.lock();
    let p2m = &Cursor::new(p2m.as_ref()?, &Host);
    let paging = vcpu.hvm.block().paging();
    let mut at = address;
    let mut left = length;
    while left > 0 {
        let purpose = Purpose::new(at, access, paging, hvm.losses());
        let page = page_address(vcpu, p2m, &purpose)?;
        let machine = Maddr::new(page.get() | (at % PAGE));
        if access == Access::Write {
            shadow::wrote(vcpu.domain(), p2m.p2m(), machine.mfn());
        }
        let in_page = usize::try_from(PAGE - at % PAGE).ok()?;
        let part = left.min(in_page);
        f(machine, part);
        at = at.wrapping_add(part as u64);
        left -= part;
    }
    Some(())
}

/// Why memory of the guest cannot be reached.
pub enum Unreachable {
    /// Its own tables do not lead there: its page fault.
    Page {
        /// The address in question.
        address: u64,
        /// As the guest's handler sees it.
        error: u32,
    },
    /// They do, but there is no memory.
    NoMemory,
}

/// Looks whether `length` bytes at `address`, at most two pages, can be accessed, and then fills
/// them with `fill`, if there is one.
///
/// # Errors
/// Why they cannot be accessed; nothing is written then.
pub fn visit(
    vcpu: &Vcpu,
    address: u64,
    length: u64,
    access: Access,
    fill: Option<u8>,
) -> Result<(), Unreachable> {
    let hvm = vcpu.domain().hvm.as_ref().ok_or(Unreachable::NoMemory)?;
    let p2m = hvm.p2m.lock();
    let p2m = &Cursor::new(p2m.as_ref().ok_or(Unreachable::NoMemory)?, &Host);
    let paging = vcpu.hvm.block().paging();
    let in_first = length.min(PAGE - address % PAGE);
    let parts = [(address, in_first), (address.wrapping_add(in_first), length - in_first)];
    let mut found = [None; 2];
    for ((at, length), found) in parts.into_iter().zip(&mut found).filter(|(part, _)| part.1 > 0) {
        let purpose = Purpose::new(at, access, paging, hvm.losses());
        let Some((_, page)) = walk(p2m, &purpose) else {
            return Err(why_unreachable(p2m, &paging, at, access));
        };
        let machine = Maddr::new(page.get() | (at % PAGE));
        *found = Some((machine, usize::try_from(length).unwrap_or(0)));
    }
    let Some(byte) = fill else { return Ok(()) };
    for (machine, length) in found.into_iter().flatten() {
        shadow::wrote(vcpu.domain(), p2m.p2m(), machine.mfn());
        let target: *mut u8 = direct_map::pointer(machine);
        // SAFETY: the frame is the guest's to write, holds nothing of Rust's, and the bytes lie in it.
        unsafe { target.write_bytes(byte, length) }
    }
    Ok(())
}

/// Why an address cannot be reached.
fn why_unreachable(
    p2m: &Cursor<'_, Host>,
    paging: &Paging,
    address: u64,
    access: Access,
) -> Unreachable {
    let read = |at| machine_address(p2m, at, Access::Read).map(|at| Host.read_u64(at));
    if paging.translate(address, access, read).is_some() {
        Unreachable::NoMemory
    } else {
        Unreachable::Page { address, error: paging.error_code(address, access, read) }
    }
}

/// The 8 bytes at a multiple of 8 in the guest's memory.
pub fn read_physical(vcpu: &Vcpu, at: u64) -> Option<u64> {
    let p2m = vcpu.domain().hvm.as_ref()?.p2m.lock();
    machine_address(&Cursor::new(p2m.as_ref()?, &Host), at, Access::Read)
        .map(|at| Host.read_u64(at))
}

/// The machine address of a page of the guest, by the walk that is remembered or a new one.
fn page_address(vcpu: &Vcpu, p2m: &Cursor<'_, Host>, purpose: &Purpose) -> Option<Maddr> {
    let mut trail = vcpu.hvm.trail(purpose.page).lock();
    if let Some(page) = trail.follow(purpose, |at| Host.read_u64(at)) {
        return Some(page);
    }
    let (walked, page) = walk(p2m, purpose)?;
    *trail = walked;
    Some(page)
}

/// Walks the guest's tables.
#[inline(never)]
fn walk(p2m: &Cursor<'_, Host>, purpose: &Purpose) -> Option<(Trail, Maddr)> {
    let Purpose { page, access, paging, .. } = *purpose;
    let recorder = Recorder::default();
    let read = |at| {
        let at = machine_address(p2m, at, Access::Read)?;
        let word = Host.read_u64(at);
        recorder.read(at, word);
        Some(word)
    };
    let physical = paging.translate_and_mark(page, access, read, |at, old, new| {
        let at = machine_address(p2m, at, Access::Write)?;
        let is_done = Host.compare_exchange_u64(at, old, new).is_ok();
        if is_done {
            recorder.marked();
        }
        Some(is_done)
    })?;
    let machine = machine_address(p2m, physical, access)?;
    Some((recorder.finish(*purpose, machine), machine))
}

/// Copies `length` bytes from the guest's `from`; `false` if not all could be read.
///
/// # Safety
/// `to` has room for them.
pub unsafe fn copy_in(vcpu: &Vcpu, to: *mut u8, from: u64, length: usize) -> bool {
    let mut done = 0;
    for_each_part(vcpu, from, length, Access::Read, |at, part| {
        let source: *const u8 = direct_map::pointer(at);
        // SAFETY: the frame is the guest's and mapped; the target has room, by the contract.
        unsafe { source.copy_to_nonoverlapping(to.wrapping_add(done), part) }
        done += part;
    })
    .is_some()
}

/// Copies `length` bytes to the guest's `to`; `false` if not all could be written.
///
/// # Safety
/// `from` has that many.
pub unsafe fn copy_out(vcpu: &Vcpu, to: u64, from: *const u8, length: usize) -> bool {
    let mut done = 0;
    for_each_part(vcpu, to, length, Access::Write, |at, part| {
        let target: *mut u8 = direct_map::pointer(at);
        // SAFETY: the frame is the guest's and mapped, and holds nothing of Rust's.
        unsafe { from.wrapping_add(done).copy_to_nonoverlapping(target, part) }
        done += part;
    })
    .is_some()
}
