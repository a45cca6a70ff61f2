// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Domain`]: the unit that owns memory, event channels and vCPUs.
//!
//! A domain lives in a frame from the allocator; [`DomainRef`]s count who looks at it. Lock
//! order: domain list, a domain's own locks in the order of its fields, scheduler, console.
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use heapless::Vec;
use hv_core::domain_life::Life;
use hv_core::event_channel::table;
use hv_core::grant_table::{maptrack, table as grant_table};
use hv_core::page_list::PageList;
use hv_core::page_type::{PageTypes, WorkQueue};
use spin::Mutex;
use xen_abi::domain::DomId;
use xen_abi::errno::Errno;
use xen_abi::event_channel::MAX_PORTS;
use xen_abi::frame::Mfn;
use xen_abi::memory::E820Entry;
use xen_abi::shared_info::SharedInfo;

use crate::hvm::{Hvm, MemoryKind, shadow};
use crate::io_permissions::IoPermissions;
use crate::machine::Host;
use crate::memory::{direct_map, frames};
use crate::vcpu::Vcpu;

/// Most vCPUs a domain may have; a PV domain has one.
pub const MAX_VCPUS: usize = table::MAX_VCPUS;
/// Most domains that exist at once.
pub const MAX_DOMAINS: usize = 128;

/// Most parts of a domain's memory map.
pub const MAX_MEMORY_MAP: usize = 128;
/// A domain's ports.
pub type EventTable = table::EventTable<'static>;
/// What a domain grants.
pub type GrantTable = grant_table::GrantTable<'static>;
/// What a domain has mapped of others' grants.
pub type Maptrack = maptrack::Maptrack<'static>;

/// How large a domain's tables may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many vCPUs it has, up to [`MAX_VCPUS`].
    pub vcpus: u32,
    /// The highest event channel port.
    pub max_port: u32,
    /// Frames of the grant table.
    pub grant_frames: usize,
    /// Pages of the maptrack.
    pub maptrack_pages: usize,
}

impl Limits {
    /// One vCPU, and all else as large as the hypervisor's own limits allow.
    pub const MAX: Self = Self {
        vcpus: 1,
        max_port: MAX_PORTS - 1,
        grant_frames: grant_table::MAX_FRAMES,
        maptrack_pages: maptrack::MAX_PAGES,
    };
}

/// The frames of a domain.
#[derive(Default)]
pub struct DomainPages {
    /// All its frames.
    pub list: PageList,
    /// How many it may have.
    pub max: u64,
    /// Page tables that are to be taken apart.
    pub work: WorkQueue,
    /// How many frames at the head of the list destruction has not looked at; `None` before it.
    pub to_relinquish: Option<u64>,
    /// The memory map that the toolstack set for it.
    pub memory_map: Vec<E820Entry, MAX_MEMORY_MAP>,
}

/// How a domain is virtualized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the guest's own agreement: page tables and privilege by hypercalls.
    Pv,
    /// By the processor, and how its memory is.
    Pvh(MemoryKind),
}

/// A domain.
pub struct Domain {
    /// Its number, which is not used again while anybody refers to the domain.
    pub id: DomId,
    /// The domain may control others and the hardware: the first domain.
    pub privileged: bool,
    /// The caller's name of it (`xen_domain_handle_t`), of no meaning to the hypervisor.
    pub handle: Mutex<[u8; 16]>,
    references: AtomicU32,
    /// The frame of the page that the domain and the hypervisor share.
    pub shared_info_frame: Mfn,
    vcpus: [AtomicPtr<Vcpu>; MAX_VCPUS],
    /// Whether it is paused, shut down or dying.
    pub life: Mutex<Life>,
    /// Its memory.
    pub pages: Mutex<DomainPages>,
    /// Its event channels.
    pub events: Mutex<EventTable>,
    /// What it grants to others.
    pub grants: Mutex<GrantTable>,
    /// What it has mapped of others' grants.
    pub maptrack: Mutex<Maptrack>,
    /// Pages in use by the three tables above.
    pub table_pages: AtomicU64,
    /// Bits of the `vm_assist` types that are on.
    pub vm_assist: AtomicU64,
    /// What the domain last wrote to the address port of PCI configuration space.
    pub pci_address: AtomicU32,
    /// Ports, memory ranges and interrupts of the hardware it may use.
    pub io: Mutex<IoPermissions>,
    /// What makes it a PVH domain; `None`: it is a PV domain.
    pub hvm: Option<Hvm>,
}

impl Domain {
    /// Makes a domain without memory or page tables, paused, with vCPUs that are down.
    ///
    /// # Errors
    /// `ENOMEM`; `EOPNOTSUPP` for a PVH domain without hardware virtualization.
    pub fn create(
        id: DomId,
        kind: Kind,
        privileged: bool,
        handle: [u8; 16],
        limits: Limits,
    ) -> Result<DomainRef, Errno> {
        let hvm = match kind {
            Kind::Pv => None,
            Kind::Pvh(memory) => Some(Hvm::new(memory)?),
        };
        let place = frames::alloc_for::<Self>().ok_or(Errno::Enomem)?;
        let Some(shared_info_frame) = frames::alloc_zeroed(0) else {
            frames::free_for(place);
            return Err(Errno::Enomem);
        };
        let io = if privileged { IoPermissions::Hardware } else { IoPermissions::None };
        let domain = Self {
            id,
            privileged,
            handle: Mutex::new(handle),
            references: AtomicU32::new(1),
            shared_info_frame,
            vcpus: [const { AtomicPtr::new(ptr::null_mut()) }; MAX_VCPUS],
            life: Mutex::new(Life::created()),
            pages: Mutex::new(DomainPages::default()),
            events: Mutex::new(EventTable::new(id, limits.max_port)),
            grants: Mutex::new(GrantTable::new(id, limits.grant_frames)),
            maptrack: Mutex::new(Maptrack::new(limits.maptrack_pages)),
            table_pages: AtomicU64::new(hvm.as_ref().map_or(0, shadow::pages)),
            vm_assist: AtomicU64::new(0),
            pci_address: AtomicU32::new(0),
            io: Mutex::new(io),
            hvm,
        };
        // SAFETY: the place is for a `Domain` and nobody else's.
        unsafe { place.write(domain) }
        frames::table().share(shared_info_frame, id);
        let domain = DomainRef(place);
        if kind == Kind::Pv {
            for legacy in &domain.shared_info().vcpu_info {
                legacy.evtchn_upcall_mask.store(1, Ordering::Relaxed);
            }
        }
        for id in 0..limits.vcpus {
            domain.add_vcpu(id)?;
        }
        if let Kind::Pvh(memory) = kind {
            domain.vcpus().try_for_each(|vcpu| vcpu.virtualize(memory))?;
        }
        domain.events.lock().set_vcpus(limits.vcpus);
        Ok(domain)
    }

    /// The page that the domain and the hypervisor share.
    pub fn shared_info(&self) -> &'static SharedInfo {
        let pointer: *const SharedInfo = direct_map::pointer(self.shared_info_frame.maddr());
        // SAFETY: the frame is the domain's as long as anybody refers to the domain, and all
        // fields are atomics.
        unsafe { &*pointer }
    }

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

impl DomainRef {
    /// Makes vCPU number `id`.
    ///
    /// # Errors
    /// `ENOMEM`; `EINVAL` beyond [`MAX_VCPUS`].
    fn add_vcpu(&self, id: u32) -> Result<(), Errno> {
        let index = usize::try_from(id).map_err(|_| Errno::Einval)?;
        let slot = self.vcpus.get(index).ok_or(Errno::Einval)?;
        let info = self.shared_info().vcpu_info.get(index).ok_or(Errno::Einval)?;
        let vcpu = frames::alloc_for::<Vcpu>().ok_or(Errno::Enomem)?;
        // SAFETY: the memory is zeroed and for a `Vcpu`; the domain frees it with itself.
        unsafe { Vcpu::create(vcpu, self.0, id, info) }
        slot.store(vcpu.as_ptr(), Ordering::Release);
        Ok(())
    }
}

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
            release(self.0);
        }
    }
}

/// Frees a domain that nobody refers to.
fn release(domain: NonNull<Domain>) {
    // SAFETY: the last reference is going.
    let parts = unsafe { domain.as_ref() };
    for slot in &parts.vcpus {
        if let Some(vcpu) = NonNull::new(slot.load(Ordering::Acquire)) {
            // SAFETY: the vCPU has been made with the domain.
            unsafe { vcpu.as_ref() }.hvm.finish();
            frames::free_for(vcpu);
        }
    }
    PageTypes::new(&Host, 0).unshare(parts.shared_info_frame);
    // SAFETY: nobody can get at the domain any more.
    unsafe { domain.drop_in_place() }
    frames::free_for(domain);
}

static DOMAINS: Mutex<[Option<DomainRef>; MAX_DOMAINS]> = Mutex::new([const { None }; MAX_DOMAINS]);

/// The slot where a domain with this number is, unless another one was there before it.
fn home(id: DomId) -> usize {
    usize::from(id.get()) % MAX_DOMAINS
}

/// The domain with number `id`.
pub fn find(id: DomId) -> Option<DomainRef> {
    let list = DOMAINS.lock();
    let is_meant = |domain: &&DomainRef| domain.id == id;
    let at_home = list.get(home(id)).and_then(Option::as_ref).filter(is_meant);
    at_home.or_else(|| list.iter().flatten().find(is_meant)).cloned()
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
    let home = home(domain.id);
    let at = if list[home].is_none() {
        home
    } else {
        list.iter().position(Option::is_none).ok_or(Errno::Enomem)?
    };
    list[at] = Some(domain);
    Ok(())
}

/// Takes the domain with number `id` off the list; it lives on until the last reference goes.
pub fn remove(id: DomId) -> Option<DomainRef> {
    let mut list = DOMAINS.lock();
    let slot = list.iter_mut().find(|slot| slot.as_ref().is_some_and(|domain| domain.id == id))?;
    slot.take()
}
