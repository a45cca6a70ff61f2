// SPDX-License-Identifier: MIT OR Apache-2.0
use std::cell::RefCell;
use std::vec::Vec;

use proptest::prelude::*;
use xen_abi::frame::{Maddr, Mfn};

use super::capability::{self, MSI, MSIX};
use super::config_write::{Kept, Write, allowed, disable_messages};
use super::msix::Msix;
use super::{ConfigSpace, has_more_functions, is_bridge, secondary_bus};

/// A function whose registers hold what is written, but for its status and address registers of a
/// fixed size.
struct Fake {
    words: RefCell<[u32; 64]>,
    /// Register and bytes.
    sizes: Vec<(u8, u32)>,
}

impl ConfigSpace for Fake {
    fn read(&self, register: u8) -> u32 {
        self.words.borrow()[usize::from(register / 4)]
    }

    fn write(&self, register: u8, value: u32) {
        let size = self.sizes.iter().find(|(sized, _)| *sized == register);
        let value =
            size.map_or(value, |(_, bytes)| value & !(bytes - 1) | self.read(register) & 15);
        // The status, in the upper half, takes no zeros.
        let value = if register == 4 { value | self.read(4) & 0xffff_0000 } else { value };
        self.words.borrow_mut()[usize::from(register / 4)] = value;
    }
}

const MSI_AT: u8 = 0x50;
const MSIX_AT: u8 = 0x70;
const BAR: u32 = 0xfebd_4000;

/// MSI at 0x50, MSI-X with 40 entries at 0x70, table and pending bits in register 1 of 16 KiB.
fn fake() -> Fake {
    let mut words = [0; 64];
    let mut set = |register: u8, value| words[usize::from(register / 4)] = value;
    set(0x04, 0x0010_0006);
    set(0x14, BAR);
    set(0x34, MSI_AT.into());
    set(MSI_AT, u32::from(MSIX_AT) << 8 | u32::from(MSI) | 1 << 16);
    set(MSIX_AT, u32::from(MSIX) | 39 << 16 | 1 << 31);
    set(MSIX_AT + 4, 0x1001);
    set(MSIX_AT + 8, 0x3001);
    Fake { words: RefCell::new(words), sizes: std::vec![(0x14, 0x4000)] }
}

fn try_write(fake: &Fake, register: u8, bytes: u8, value: u32) -> Option<u32> {
    let kept = Msix::find(fake).unwrap().kept;
    allowed(fake, &kept, Write { register, bytes, value })
}

#[test]
fn finds_table_and_pending_bits() {
    let fake = fake();
    let msix = Msix::find(&fake).unwrap();
    assert_eq!((msix.capability, msix.entries), (MSIX_AT, 40));
    assert_eq!((msix.base, msix.table), (Maddr::new(BAR.into()), Maddr::new(0xfebd_5000)));
    assert_eq!(msix.kept, [Kept { register: 0x14, value: BAR }]);
    let has: Vec<u64> =
        (0xf_0000..0x10_0000).filter(|frame| msix.has_frame(Mfn::new(*frame))).collect();
    assert_eq!(has, [0xf_ebd5, 0xf_ebd7, 0xf_fffd, 0xf_ffff]);
    assert_eq!(fake.read(0x14), BAR);
    assert_eq!(fake.read(0x04) & 0xffff, 6);
}

#[test]
fn addresses_of_64_bits() {
    let fake = fake();
    fake.words.borrow_mut()[5] = 0xfebd_400c;
    fake.words.borrow_mut()[6] = 8;
    let msix = Msix::find(&fake).unwrap();
    assert_eq!(msix.table, Maddr::new(0x8_febd_5000));
    let registers: Vec<u8> = msix.kept.iter().map(|kept| kept.register).collect();
    assert_eq!(registers, [0x14, 0x18]);
}

#[test]
fn no_place_no_table() {
    for bar in [0, 1, 0xc001] {
        let fake = fake();
        fake.words.borrow_mut()[5] = bar;
        assert!(Msix::find(&fake).is_none());
    }
    let fake = fake();
    fake.words.borrow_mut()[usize::from(MSIX_AT / 4) + 1] = 0x1006;
    assert!(Msix::find(&fake).is_none());
}

#[test]
fn the_table_stays_where_it_is() {
    let fake = fake();
    assert_eq!(try_write(&fake, 0x14, 4, 0xfec0_0000), None);
    assert_eq!(try_write(&fake, 0x14, 4, BAR), Some(BAR));
    assert_eq!(try_write(&fake, 0x14, 4, u32::MAX), Some(u32::MAX));
    assert_eq!(try_write(&fake, 0x14, 2, 0), None);
    assert_eq!(try_write(&fake, 0x17, 1, 0), None);
    assert_eq!(try_write(&fake, 0x10, 4, 0xfec0_0000), Some(0xfec0_0000));
}

#[test]
fn control_words_turn_messages_off_only() {
    let fake = fake();
    assert_eq!(try_write(&fake, MSIX_AT + 2, 2, 0xc027), Some(0xc027));
    assert_eq!(try_write(&fake, MSIX_AT + 2, 2, 0), Some(0));
    assert_eq!(try_write(&fake, MSI_AT + 2, 2, 0x0011), Some(0x0011));
    disable_messages(&fake);
    assert_eq!(try_write(&fake, MSIX_AT + 2, 2, 0xc027), Some(0x4027));
    assert_eq!(try_write(&fake, MSI_AT + 2, 2, 0x0011), Some(0x0010));
}

#[test]
fn the_rest_of_the_capabilities_is_the_hypervisors() {
    let fake = fake();
    for (register, bytes) in [(MSI_AT, 4), (MSI_AT + 4, 4), (MSI_AT + 8, 2), (MSI_AT + 3, 1)] {
        assert_eq!(try_write(&fake, register, bytes, 0), None, "{register:#x}");
    }
    for (register, bytes) in [(MSIX_AT, 4), (MSIX_AT + 4, 4), (MSIX_AT + 8, 1), (MSIX_AT + 3, 1)] {
        assert_eq!(try_write(&fake, register, bytes, 0), None, "{register:#x}");
    }
    assert_eq!(try_write(&fake, MSIX_AT + 12, 4, 7), Some(7));
    assert_eq!(try_write(&fake, MSI_AT - 1, 1, 7), Some(7));
    for (control, bytes) in [(0, 10), (0x80, 14), (0x100, 20), (0x180, 24)] {
        fake.words.borrow_mut()[usize::from(MSI_AT / 4)] =
            u32::from(MSIX_AT) << 8 | u32::from(MSI) | control << 16;
        assert_eq!(try_write(&fake, MSI_AT + bytes - 2, 2, 7), None);
        assert_eq!(try_write(&fake, MSI_AT + bytes, 2, 7), Some(7));
    }
}

#[test]
fn buses_keep_their_numbers() {
    let fake = fake();
    fake.words.borrow_mut()[3] = 0x81 << 16;
    fake.words.borrow_mut()[6] = 0x0402_0100;
    assert!(is_bridge(&fake) && has_more_functions(&fake));
    assert_eq!(secondary_bus(&fake), 1);
    let write = |register| allowed(&fake, &[], Write { register, bytes: 1, value: 9 });
    assert_eq!([0x17, 0x18, 0x19, 0x1b, 0x1c].map(write), [Some(9), None, None, None, Some(9)]);
}

proptest! {
    /// Whatever a function says of itself, looking at it ends and leaves it as it was, and no
    /// write turns messages on.
    #[test]
    fn any_contents(
        words in prop::array::uniform32(any::<u32>()),
        writes in prop::collection::vec((any::<u8>(), 0usize..3, any::<u32>()), 1..50),
    ) {
        let mut all = [0; 64];
        all[..32].copy_from_slice(&words);
        let fake = Fake { words: RefCell::new(all), sizes: Vec::new() };
        disable_messages(&fake);
        let before = *fake.words.borrow();
        let kept = Msix::find(&fake).map(|msix| msix.kept).unwrap_or_default();
        prop_assert_eq!(&before[2..], &fake.words.borrow()[2..]);
        for (register, bytes, value) in writes {
            let bytes = [1, 2, 4][bytes];
            let write = Write { register: register & !(bytes - 1), bytes, value };
            let Some(value) = allowed(&fake, &kept, write) else { continue };
            for (id, enable) in [(MSI, 1), (MSIX, 1 << 15)] {
                let at = capability::find(&fake, id);
                prop_assert!(at.is_none_or(|at| write.register != at + 2 || value & enable == 0));
            }
        }
    }
}
