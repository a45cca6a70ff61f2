// SPDX-License-Identifier: MIT OR Apache-2.0
//! `XENMEM_exchange`: frames against others of the same total size, for example one contiguous
//! block against single frames.
use hv_core::memory_op::Chunks;
use hv_core::page_list::PageList;
use hv_core::page_type::{PageTypes, Stop};
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;
use xen_abi::memory::Exchange;

use super::FRAMES_PER_STEP;
use super::reservation::set_pfns;
use crate::current::Current;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::hypercall::argument::controlled_domain;
use crate::hypercall::{Outcome, page_owner};
use crate::machine::Host;
use crate::memory::{domain_frames, frames};

/// Offset of the number of extents done in [`Exchange`].
const NR_EXCHANGED: u64 = 64;

/// A checked request with its lists.
struct Lists {
    input: GuestPtr<u64>,
    output: GuestPtr<u64>,
    chunks: Chunks,
}

/// Works through the request of `arg` from its count of extents done on.
///
/// # Errors
/// `EFAULT`; `EPERM` for extents that are too large or for another domain without privilege;
/// `EINVAL` for sizes that differ and for frames that are in use; `ENOMEM`; `ESRCH`.
pub(super) fn exchange(current: &Current, arg: GuestPtr<Exchange>) -> Result<Outcome, Errno> {
    let request = arg.read()?;
    let chunks = Chunks::of(&request);
    if current.domain().hvm.is_some() {
        // Where its lists are does not matter.
        let wrong = chunks.err().filter(|errno| *errno != Errno::Efault);
        return Err(wrong.unwrap_or(Errno::Eopnotsupp));
    }
    let chunks = chunks?;
    let domain = controlled_domain(current, request.input.domid)?;
    if domain.life.lock().is_dying() {
        return Err(Errno::Esrch);
    }
    if domain.hvm.is_some() {
        return Err(Errno::Eopnotsupp);
    }
    let done_field: GuestPtr<u64> = arg.byte_offset(NR_EXCHANGED)?;
    let types = page_owner::page_types();
    let mut frames_done: u64 = 0;
    let lists = Lists {
        input: GuestPtr::new(request.input.extent_start),
        output: GuestPtr::new(request.output.extent_start),
        chunks,
    };
    for chunk in chunks.next..chunks.end {
        let preempted = frames_done >= FRAMES_PER_STEP;
        let step = if preempted { Err(Stop::Preempted) } else { lists.run(&types, &domain, chunk) };
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

impl Lists {
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
                frames::free(first, self.chunks.output_order);
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
        for index in self.chunks.inputs(chunk) {
            let first = self.input.element(index)?.read()?;
            first.checked_add(1 << self.chunks.input_order).ok_or(Errno::Einval)?;
            for mfn in domain_frames::block(Mfn::new(first), self.chunks.input_order) {
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
        for _ in self.chunks.outputs(0) {
            let first =
                domain_frames::take_block(self.chunks.output_order, self.chunks.address_bits);
            fresh.push_back(frames::table(), first.ok_or(Errno::Enomem)?);
        }
        Ok(())
    }

    /// Gives the new frames to the domain, for the pfns in the output list, where their numbers
    /// go. All are given, whatever becomes of the list.
    fn hand_over(&self, domain: &Domain, chunk: u64, fresh: &mut PageList) -> Result<(), Errno> {
        let mut result = Ok(());
        for index in self.chunks.outputs(chunk) {
            let Some(first) = fresh.first() else { break };
            fresh.remove(frames::table(), first);
            domain_frames::give(domain, first, self.chunks.output_order);
            let written = self.output.element(index).and_then(|entry| {
                set_pfns(first, self.chunks.output_order, entry.read()?);
                entry.write(&first.get())
            });
            result = result.and(written);
        }
        result
    }
}
