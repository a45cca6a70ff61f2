// SPDX-License-Identifier: MIT OR Apache-2.0
//! [`Params`]: the parameters of a PVH domain (`hvm_op`), and who may do what with them.
use xen_abi::errno::Errno;
use xen_abi::hvm::{CallbackVia, HVM_NR_PARAMS, HvmParam};

const COUNT: usize = 39;

const _: () = assert!(COUNT == HVM_NR_PARAMS as usize);

/// The values, by index.
#[derive(Clone, Copy, Debug)]
pub struct Params([u64; COUNT]);

/// Whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The domain itself.
    Guest,
    /// A domain that may control it.
    Controller,
}

impl Default for Params {
    fn default() -> Self {
        Self([0; COUNT])
    }
}

impl Params {
    /// A parameter; `EINVAL` for one that does not exist, `EPERM` for one that is not for a guest.
    ///
    /// # Errors
    /// See above.
    pub fn read(&self, who: Who, index: u32) -> Result<u64, Errno> {
        const GUEST: [u32; 10] = [0, 1, 2, 15, 17, 18, 19, 34, 35, 36];
        let value = self.value(index)?;
        if who == Who::Guest && !GUEST.contains(&index) {
            return Err(Errno::Eperm);
        }
        Ok(value)
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// As [`Self::read`]; `EEXIST` to a guest for one of its ports and rings that is set;
    /// `EINVAL` for a callback of an unknown kind or on an exception's vector.
    pub fn write(&mut self, who: Who, index: u32, value: u64) -> Result<(), Errno> {
        const GUEST: [u32; 7] = [0, 2, 15, 18, 19, 34, 36];
        const ONCE: [u32; 2] = [HvmParam::StoreEvtchn as u32, HvmParam::ConsoleEvtchn as u32];
        const TIMER_MODES: u64 = 4;
        let old = self.value(index)?;
        if who == Who::Guest {
            if !GUEST.contains(&index) {
                return Err(Errno::Eperm);
            }
            if ONCE.contains(&index) && old != 0 && old != value {
                return Err(Errno::Eexist);
            }
        }
        let possible = match HvmParam::try_from(index) {
            Ok(HvmParam::CallbackIrq) => is_callback(value),
            Ok(HvmParam::TimerMode) => value < TIMER_MODES,
            _ => true,
        };
        if !possible {
            return Err(Errno::Einval);
        }
        let slot = usize::try_from(index).ok().and_then(|index| self.0.get_mut(index));
        *slot.ok_or(Errno::Einval)? = value;
        Ok(())
    }

    /// The vector of the domain's callback, if it has chosen one.
    #[must_use]
    pub fn callback_vector(&self) -> Option<u8> {
        match CallbackVia::from_raw(self.value(HvmParam::CallbackIrq.raw()).unwrap_or(0)) {
            Some(CallbackVia::Vector(vector)) => Some(vector),
            _ => None,
        }
    }

    fn value(&self, index: u32) -> Result<u64, Errno> {
        let index = usize::try_from(index).map_err(|_| Errno::Einval)?;
        self.0.get(index).copied().ok_or(Errno::Einval)
    }
}

/// Whether a callback is of a known kind. Vectors below 16 are never those of an interrupt.
fn is_callback(value: u64) -> bool {
    match CallbackVia::from_raw(value) {
        Some(CallbackVia::Vector(vector)) => vector >= 16,
        other => other.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_finds_its_rings_and_sets_its_callback() {
        let mut params = Params::default();
        assert_eq!(params.write(Who::Controller, 1, 0xfeffc), Ok(()));
        assert_eq!(params.read(Who::Guest, 1), Ok(0xfeffc));
        assert_eq!(params.write(Who::Guest, 1, 5), Err(Errno::Eperm));
        assert_eq!(params.callback_vector(), None);
        assert_eq!(params.write(Who::Guest, 0, CallbackVia::Vector(0xf3).raw()), Ok(()));
        assert_eq!(params.callback_vector(), Some(0xf3));
    }

    #[test]
    fn wrong_ones() {
        let mut params = Params::default();
        assert_eq!(params.read(Who::Controller, 39), Err(Errno::Einval));
        assert_eq!(params.write(Who::Controller, u32::MAX, 0), Err(Errno::Einval));
        assert_eq!(params.read(Who::Guest, 12), Err(Errno::Eperm));
        assert_eq!(params.write(Who::Guest, 0, 9 << 56), Err(Errno::Einval));
        assert_eq!(params.write(Who::Guest, 0, CallbackVia::Vector(14).raw()), Err(Errno::Einval));
        assert_eq!(params.write(Who::Controller, 18, 3), Ok(()));
        assert_eq!(params.write(Who::Guest, 18, 4), Err(Errno::Eexist));
        assert_eq!(params.write(Who::Guest, 18, 3), Ok(()));
    }
}
