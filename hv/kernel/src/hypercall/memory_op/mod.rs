// SPDX-License-Identifier: MIT OR Apache-2.0
//! `memory_op`: the memory of domains.
mod acquire_resource;
mod exchange;
mod maps;
mod physmap;
mod reservation;

use core::sync::atomic::Ordering;

use xen_abi::errno::Errno;
use xen_abi::memory::{DomainArg, MemoryOp, split_cmd};

use super::Outcome;
use super::argument::controlled_domain;
use crate::current::Current;
use crate::domain::Domain;
use crate::guest_ptr::GuestPtr;
use crate::memory::frames;

/// Frames that one call works on before others have their turn.
const FRAMES_PER_STEP: u64 = 512;

/// Executes one operation. The bits of `cmd` above the operation are the extent to go on with.
///
/// # Errors
/// `ENOSYS` for unknown operations; else as each operation says.
pub fn memory_op(current: &Current, cmd: u64, arg: GuestPtr) -> Result<Outcome, Errno> {
    let (op, start) = split_cmd(cmd)?;
    let value = match op {
        MemoryOp::IncreaseReservation
        | MemoryOp::DecreaseReservation
        | MemoryOp::PopulatePhysmap => {
            return reservation::adjust(current, op, start, arg.cast());
        }
        MemoryOp::Exchange => return exchange::exchange(current, arg.cast()),
        MemoryOp::MaximumRamPage => Ok(frames::table().len().saturating_sub(1)),
        MemoryOp::CurrentReservation => {
            of_domain(current, arg, |domain| domain.pages.lock().list.len())
        }
        MemoryOp::MaximumReservation => of_domain(current, arg, |domain| domain.pages.lock().max),
        MemoryOp::MaximumGpfn => of_domain(current, arg, highest_frame),
        MemoryOp::MachphysMfnList => maps::machphys_mfn_list(arg.cast()),
        MemoryOp::MachphysMapping => maps::machphys_mapping(arg.cast()),
        MemoryOp::MemoryMap => maps::memory_map(current, arg.cast()),
        MemoryOp::SetMemoryMap => maps::set_memory_map(current, arg.cast()),
        MemoryOp::MachineMemoryMap => maps::machine_memory_map(current, arg.cast()),
        MemoryOp::AddToPhysmap => return physmap::add_to_physmap(current, start, arg.cast()),
        MemoryOp::AddToPhysmapBatch => {
            return physmap::add_to_physmap_batch(current, start, arg.cast());
        }
        MemoryOp::RemoveFromPhysmap => physmap::remove_from_physmap(current, start, arg.cast()),
        MemoryOp::AcquireResource => {
            return acquire_resource::acquire_resource(current, arg.cast());
        }
        MemoryOp::ClaimPages => Err(Errno::Enosys),
    };
    value.map(Outcome::Done)
}

/// A number of the domain that `arg` names.
fn of_domain(
    current: &Current,
    arg: GuestPtr,
    number: impl FnOnce(&Domain) -> u64,
) -> Result<u64, Errno> {
    let domain = controlled_domain(current, arg.cast::<DomainArg>().read()?.domid)?;
    Ok(number(&domain))
}

/// The highest frame number of a domain: a PV domain says so itself.
fn highest_frame(domain: &Domain) -> u64 {
    match &domain.hvm {
        Some(hvm) => hvm.p2m.lock().as_ref().map_or(0, |p2m| p2m.highest().get()),
        None => domain.shared_info().arch.max_pfn.load(Ordering::Relaxed).saturating_sub(1),
    }
}
