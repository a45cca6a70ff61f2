// SPDX-License-Identifier: MIT OR Apache-2.0
//! `XENMEM_exchange`: frames against others of the same total size, for example one contiguous
//! block against single frames.
use hv_core::page_list::PageList;
use hv_core::page_type::{PageTypes, Stop};
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::memory::{Exchange, MEMF_ADDRESS_BITS, MemoryReservation};

use super::reservation::set_pfns;
use super::{FRAMES_PER_STEP, MAX_EXTENT_ORDER, any_domain, may_change};
use crate::current::Current;
use crate::domain::Domain;
use crate::guest_ptr::{GuestPtr, is_guest_range};
use crate::hypercall::{Outcome, page_owner};
use crate::machine::Host;
use crate::memory::{domain_frames, frames};

/// Offset of the number of extents done in [`Exchange`].
const NR_EXCHANGED: u64 = 64;

/// One checked request, in chunks: the smallest sets of extents with the same size on both sides.
struct Chunks {
    input: GuestPtr<u64>,
    input_order: u32,
    output: GuestPtr<u64>,
    output_order: u32,
    address_bits: u32,
    /// Log2 of the input extents in a chunk.
    input_shift: u32,
    /// Log2 of the output extents in a chunk.
    output_shift: u32,
}

/// Works through the request of `arg` from its count of extents done on.
///
/// # Errors
/// `EFAULT`; `EPERM` for extents that are too large or for another domain without privilege;
/// `EINVAL` for sizes that differ and for frames that are in use; `ENOMEM`; `ESRCH`.
pub(super) fn exchange(current: &Current, arg: GuestPtr<Exchange>) -> Result<Outcome, Errno> {
    let request = arg.read()?;
    let chunks = check(&request)?;
    let domain = any_domain(current, request.input.domid)?;
    may_change(current, &domain)?;
    if domain.life.lock().is_dying() {
        return Err(Errno::Esrch);
    }
    let done_field: GuestPtr<u64> = arg.byte_offset(NR_EXCHANGED)?;
    let types = page_owner::page_types();
    let mut frames_done: u64 = 0;
    let last = request.input.nr_extents >> chunks.input_shift;
    for chunk in (request.nr_exchanged >> chunks.input_shift)..last {
        let preempted = frames_done >= FRAMES_PER_STEP;
        let step =
            if preempted { Err(Stop::Preempted) } else { chunks.run(&types, &domain, chunk) };
        if let Err(stop) = step {
            done_field.write(&(chunk << chunks.input_shift))?;
            return match stop {
                Stop::Refused(errno) => Err(errno),
                Stop::Preempted => Ok(again(arg)),
            };
        }
        frames_done = frames_done.saturating_add(chunks.frames());
    }
    done_field.write(&request.input.nr_extents)?;
    Ok(Outcome::Done(0))
}

fn again(arg: GuestPtr<Exchange>) -> Outcome {
    let cmd = xen_abi::memory::MemoryOp::Exchange.raw();
    Outcome::Continue([u64::from(cmd), arg.address(), 0, 0, 0, 0])
}

/// Everything that is wrong with a request before its lists are read.
fn check(request: &Exchange) -> Result<Chunks, Errno> {
    let (input, output) = (&request.input, &request.output);
    let (from, to) = (input.extent_order, output.extent_order);
    if from > MAX_EXTENT_ORDER || to > MAX_EXTENT_ORDER {
        return Err(Errno::Eperm);
    }
    let sizes = (frames_in(input).ok_or(Errno::Einval)?, frames_in(output).ok_or(Errno::Einval)?);
    if request.nr_exchanged > input.nr_extents || input.domid != output.domid || sizes.0 != sizes.1
    {
        return Err(Errno::Einval);
    }
    for side in [input, output] {
        let bytes = side.nr_extents.checked_mul(8).ok_or(Errno::Efault)?;
        if !is_guest_range(side.extent_start, bytes) {
            return Err(Errno::Efault);
        }
    }
    let address_bits = match output.mem_flags & MEMF_ADDRESS_BITS {
        0 => u64::BITS,
        bits => bits,
    };
    Ok(Chunks {
        input: GuestPtr::new(input.extent_start),
        input_order: from,
        output: GuestPtr::new(output.extent_start),
        output_order: to,
        address_bits,
        input_shift: to.saturating_sub(from),
        output_shift: from.saturating_sub(to),
    })
}

/// The frames of a list; `None` where that is no number.
fn frames_in(list: &MemoryReservation) -> Option<u64> {
    list.nr_extents.checked_mul(1 << list.extent_order)
}

impl Chunks {
    /// Frames of a chunk, on each side.
    fn frames(&self) -> u64 {
        1 << self.input_order.max(self.output_order)
    }

    /// Exchanges chunk `chunk`, all of it or nothing.
    fn run(&self, types: &PageTypes<'_, Host>, domain: &Domain, chunk: u64) -> Result<(), Stop> {
        let mut stolen = PageList::new();
        let mut fresh = PageList::new();
        let ready = self
            .steal(types, domain, chunk, &mut stolen)
            .and_then(|()| self.allocate(&mut fresh).map_err(Stop::Refused));
        if ready.is_err() {
            domain_frames::return_stolen(domain, &mut stolen);
            while let Some(first) = fresh.first() {
                fresh.remove(frames::table(), first);
                frames::free(first, self.output_order);
            }
            return ready;
        }
        domain_frames::free_stolen(&mut stolen);
        self.hand_over(domain, chunk, &mut fresh).map_err(Stop::Refused)
    }

    /// Takes the frames of the chunk's input away from the domain.
    fn steal(
        &self,
        types: &PageTypes<'_, Host>,
        domain: &Domain,
        chunk: u64,
        stolen: &mut PageList,
    ) -> Result<(), Stop> {
        for index in extents(chunk, self.input_shift) {
            let first = self.input.element(index)?.read()?;
            first.checked_add(1 << self.input_order).ok_or(Errno::Einval)?;
            for mfn in domain_frames::block(Mfn::new(first), self.input_order) {
                if frames::table().get(mfn).is_some_and(|page| page.type_word().is_partial()) {
                    types.settle(mfn)?;
                }
                domain_frames::steal(domain, mfn, stolen)?;
            }
        }
        Ok(())
    }

    /// Allocates the chunk's output; `fresh` gets the first frame of each extent.
    fn allocate(&self, fresh: &mut PageList) -> Result<(), Errno> {
        for _ in extents(0, self.output_shift) {
            let first = domain_frames::take_block(self.output_order, self.address_bits);
            fresh.push_back(frames::table(), first.ok_or(Errno::Enomem)?);
        }
        Ok(())
    }

    /// Gives the new frames to the domain, for the pfns in the output list, where their numbers
    /// go. All are given, whatever becomes of the list.
    fn hand_over(&self, domain: &Domain, chunk: u64, fresh: &mut PageList) -> Result<(), Errno> {
        let mut result = Ok(());
        for index in extents(chunk, self.output_shift) {
            let Some(first) = fresh.first() else { break };
            fresh.remove(frames::table(), first);
            domain_frames::give(domain, first, self.output_order);
            let written = self.output.element(index).and_then(|entry| {
                set_pfns(first, self.output_order, entry.read()?);
                entry.write(&first.get())
            });
            result = result.and(written);
        }
        result
    }
}

/// The extents of a chunk with `1 << shift` of them.
fn extents(chunk: u64, shift: u32) -> impl Iterator<Item = u64> {
    (chunk << shift..).take(1 << shift)
}
