// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`GuestPtr`]: an address that a guest names, and the only way to read or write through it.
//!
//! It is an allegation: nothing is known about the address until a copy has succeeded. A copy
//! checks the range against the hypervisor's own part of the address space and survives a page
//! fault (`entry/guest_copy.S`). For a PVH guest it walks the guest's tables (`hvm::memory`), which
//! has no such range. It never gives a reference into guest memory, so a value is
//! read once and cannot change after it was checked.
use core::marker::PhantomData;
use core::mem::size_of;

pub use hv_core::guest_range::is_guest_range;
use xen_abi::errno::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::current::hvm_vcpu;
use crate::hvm::memory;

core::arch::global_asm!(include_str!("entry/guest_copy.S"));

unsafe extern "C" {
    /// Copies `len` bytes; returns 0, or 1 if a page fault or a bad address stopped it.
    fn guest_copy(to: *mut u8, from: *const u8, len: usize) -> u64;
}

/// An address of type `*T` in the current guest's address space.
pub struct GuestPtr<T = u8> {
    address: u64,
    target: PhantomData<fn() -> T>,
}

impl<T> Clone for GuestPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for GuestPtr<T> {}

impl<T> GuestPtr<T> {
    /// What the guest gave as an argument.
    pub const fn new(address: u64) -> Self {
        Self { address, target: PhantomData }
    }

    /// The address.
    pub const fn address(self) -> u64 {
        self.address
    }

    /// Whether the guest gave no address.
    pub const fn is_null(self) -> bool {
        self.address == 0
    }

    /// The same address, taken as another type.
    pub const fn cast<U>(self) -> GuestPtr<U> {
        GuestPtr::new(self.address)
    }

    /// The address of element `index` of an array of `T` that starts here; `EFAULT` where that is
    /// beyond the address space.
    pub fn element(self, index: u64) -> Result<Self, Errno> {
        let offset = index.checked_mul(size_of::<T>() as u64);
        let address = offset.and_then(|offset| self.address.checked_add(offset));
        address.map(Self::new).ok_or(Errno::Efault)
    }

    /// The address `bytes` further on; `EFAULT` where that is beyond the address space.
    pub fn byte_offset<U>(self, bytes: u64) -> Result<GuestPtr<U>, Errno> {
        let address = self.address.checked_add(bytes);
        address.map(GuestPtr::new).ok_or(Errno::Efault)
    }

    /// `EFAULT` unless `bytes` bytes from here are canonical and outside the hypervisor's range.
    fn check_range(self, bytes: usize) -> Result<(), Errno> {
        if is_guest_range(self.address, bytes as u64) { Ok(()) } else { Err(Errno::Efault) }
    }
}

impl<T: FromBytes> GuestPtr<T> {
    /// Copies the value out of the guest; `EFAULT` if the guest's memory is not readable.
    pub fn read(self) -> Result<T, Errno> {
        let mut value = T::new_zeroed();
        self.read_to(&mut value)?;
        Ok(value)
    }

    /// Copies the value out of the guest to `value`, as [`Self::read_slice`] does.
    pub fn read_to(self, value: &mut T) -> Result<(), Errno> {
        self.read_slice(core::slice::from_mut(value))
    }

    /// Copies `values.len()` elements out of the guest; `EFAULT` if not all are readable (the
    /// slice then holds an unspecified mixture).
    pub fn read_slice(self, values: &mut [T]) -> Result<(), Errno> {
        let bytes = size_of_val(values);
        if let Some(vcpu) = hvm_vcpu() {
            // SAFETY: the slice has room for that many bytes, and any bytes make a `T`.
            let copied =
                unsafe { memory::copy_in(vcpu, values.as_mut_ptr().cast(), self.address, bytes) };
            return if copied { Ok(()) } else { Err(Errno::Efault) };
        }
        self.check_range(bytes)?;
        // SAFETY: the slice has room for that many bytes and any bytes make a `T`; the source is
        // outside the hypervisor's range, and a fault on it ends the copy with an error.
        let failed =
            unsafe { guest_copy(values.as_mut_ptr().cast(), self.address as *const u8, bytes) };
        if failed == 0 { Ok(()) } else { Err(Errno::Efault) }
    }
}

/// Writing demands types without padding, so no byte of the hypervisor's stack leaves with them.
impl<T: IntoBytes + Immutable> GuestPtr<T> {
    /// Copies `value` into the guest; `EFAULT` if its memory is not writable.
    pub fn write(self, value: &T) -> Result<(), Errno> {
        self.write_slice(core::slice::from_ref(value))
    }

    /// Copies `values` into the guest; `EFAULT` if not all of it is writable (a part may have been
    /// written).
    pub fn write_slice(self, values: &[T]) -> Result<(), Errno> {
        let bytes = size_of_val(values);
        if let Some(vcpu) = hvm_vcpu() {
            // SAFETY: the slice has that many bytes, all of them initialised.
            let copied =
                unsafe { memory::copy_out(vcpu, self.address, values.as_ptr().cast(), bytes) };
            return if copied { Ok(()) } else { Err(Errno::Efault) };
        }
        self.check_range(bytes)?;
        // SAFETY: the target is outside the hypervisor's range, and a fault on it ends the copy
        // with an error; every byte of the source is initialised.
        let failed = unsafe { guest_copy(self.address as *mut u8, values.as_ptr().cast(), bytes) };
        if failed == 0 { Ok(()) } else { Err(Errno::Efault) }
    }
}
