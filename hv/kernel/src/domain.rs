// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Domain`]: the unit that owns memory, event channels and vCPUs.
//!
//! A domain lives in a frame from the allocator; [`DomainRef`]s count who looks at it. Lock
//! order: domain list, a domain's own locks in the order of its fields, scheduler, console.
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use spin::Mutex;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::frame::Mfn;

use crate::io_permissions::IoPermissions;
use crate::memory::frames;
use crate::shared_info::SharedInfoPtr;
use crate::vcpu::Vcpu;

/// Most vCPUs a domain may have: one today, but every user takes the index.
pub const MAX_VCPUS: usize = 1;
/// Most domains that exist at once.
pub const MAX_DOMAINS: usize = 128;

/// A domain.
pub struct Domain {
    /// Its number, which is not used again while anybody refers to the domain.
    pub id: DomId,
    /// The domain may control others and the hardware: the first domain.
    pub privileged: bool,
    /// The caller's name of it (`xen_domain_handle_t`), of no meaning to the hypervisor.
    pub handle: [u8; 16],
    references: AtomicU32,
    /// The page that the domain and the hypervisor share.
    pub shared_info: SharedInfoPtr,
    vcpus: [AtomicPtr<Vcpu>; MAX_VCPUS],
    /// How often the toolstack has paused it; it runs only at 0.
    pub pause_count: AtomicU32,
    /// It is being destroyed: no new reference to its resources may be taken.
    pub dying: AtomicBool,
    /// It has shut down; `shutdown_code` is valid.
    pub is_shut_down: AtomicBool,
    /// `SHUTDOWN_*` (`public/sched.h`).
    pub shutdown_code: AtomicU8,
    /// Bits of the `vm_assist` types that are on.
    pub vm_assist: AtomicU64,
    /// Ports, memory ranges and interrupts of the hardware it may use.
    pub io: Mutex<IoPermissions>,
}

impl Domain {
    /// Vcpu number `id`, if it exists.
    pub fn vcpu(&self, id: u32) -> Option<&Vcpu> {
        let slot = self.vcpus.get(usize::try_from(id).ok()?)?;
        // SAFETY: a vCPU that has been entered lives as long as its domain.
        unsafe { slot.load(Ordering::Acquire).as_ref() }
    }

    /// All its vCPUs.
    pub fn vcpus(&self) -> impl Iterator<Item = &Vcpu> {
        (0..).map_while(|id| self.vcpu(id))
    }
}

/// A counted reference to a domain.
pub struct DomainRef(NonNull<Domain>);

// SAFETY: `Domain` is shared between pCPUs by design (locks and atomics), and the count is atomic.
unsafe impl Send for DomainRef {}

impl Deref for DomainRef {
    type Target = Domain;
    fn deref(&self) -> &Domain {
        // SAFETY: the count that this value holds keeps the domain alive.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for DomainRef {
    fn clone(&self) -> Self {
        self.references.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for DomainRef {
    fn drop(&mut self) {
        if self.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            frames::free_domain(self.0);
        }
    }
}

static DOMAINS: Mutex<[Option<DomainRef>; MAX_DOMAINS]> = Mutex::new([const { None }; MAX_DOMAINS]);

/// The domain with number `id`.
pub fn find(id: DomId) -> Option<DomainRef> {
    let list = DOMAINS.lock();
    list.iter().flatten().find(|domain| domain.id == id).cloned()
}

/// The existing domain with the lowest number that is at least `id`, for listing.
pub fn find_from(id: DomId) -> Option<DomainRef> {
    let list = DOMAINS.lock();
    let above = list.iter().flatten().filter(|domain| domain.id >= id);
    above.min_by_key(|domain| domain.id).cloned()
}

/// Enters `domain` in the list; `EEXIST` if its number is taken, `ENOMEM` if the list is full.
pub fn insert(domain: DomainRef) -> Result<(), Errno> {
    let mut list = DOMAINS.lock();
    if list.iter().flatten().any(|other| other.id == domain.id) {
        return Err(Errno::Eexist);
    }
    let slot = list.iter_mut().find(|slot| slot.is_none()).ok_or(Errno::Enomem)?;
    *slot = Some(domain);
    Ok(())
}

/// Takes the domain with number `id` off the list; it lives on until the last reference goes.
pub fn remove(id: DomId) -> Option<DomainRef> {
    let mut list = DOMAINS.lock();
    let slot = list.iter_mut().find(|slot| slot.as_ref().is_some_and(|domain| domain.id == id))?;
    slot.take()
}

