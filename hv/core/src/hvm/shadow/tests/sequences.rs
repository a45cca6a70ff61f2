// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random tables, changed at random: after each step the shadow gives no more than it may, and where
//! the guest has flushed, exactly what its tables mean.
use std::vec::Vec;

use proptest::prelude::*;

use super::super::{Access, Outcome};
use super::model::*;
use crate::hvm::paging::{CR0_WP, EFER_LMA, Paging};

/// Frames that are used as tables, at whatever level they are met.
const TABLES: u64 = 8;
/// Slots of tables that addresses use.
const SLOTS: [u64; 4] = [0, 1, 3, 511];
/// The last frames are tables that show the whole memory, and that never change.
const ALIAS: u64 = GUEST_FRAMES - 3;

#[derive(Clone, Debug)]
enum Step {
    /// The guest writes an entry: table, slot, target, flags.
    Write(u64, usize, u64, u64),
    Access(u64, Access),
    Invalidate(u64),
    LoadRoot(u64),
    ToggleProtection,
    Take(u64),
    Give(u64, bool),
}

fn access() -> impl Strategy<Value = Access> {
    prop::sample::select([READ, WRITE, USER_READ, USER_WRITE].as_slice())
}

/// An address by its index in each level.
fn address(format: fn() -> Paging) -> impl Strategy<Value = u64> {
    let is_long = format().efer & EFER_LMA != 0;
    let is_legacy = format().cr4 & crate::hvm::paging::CR4_PAE == 0;
    [0..4_usize, 0..4, 0..4, 0..4].prop_map(move |[l4, l3, l2, l1]| {
        let [l4, l3, l2, l1] = [l4, l3, l2, l1].map(|index| SLOTS[index]);
        if is_long {
            let sign = if l4 > 255 { 0xffff << 48 } else { 0 };
            sign | l4 << 39 | l3 << 30 | l2 << 21 | l1 << 12
        } else if is_legacy {
            l2 << 22 | l1 << 12
        } else {
            (l3 % 3) << 30 | l2 << 21 | l1 << 12
        }
    })
}

fn step(format: fn() -> Paging) -> impl Strategy<Value = Step> {
    const FLAGS: [u64; 7] = [7, 7, 5, 3, 1, 0, 0x87];
    let flags = (prop::sample::select(FLAGS.as_slice()), 0_u64..4)
        .prop_map(|(flags, used)| flags | used << 5);
    prop_oneof![
        4 => (0..TABLES, 0..4_usize, 0..12_u64, flags).prop_map(|(a, b, c, d)| Step::Write(a, b, c, d)),
        6 => (address(format), access()).prop_map(|(a, b)| Step::Access(a, b)),
        2 => address(format).prop_map(Step::Invalidate),
        1 => (0..2_u64).prop_map(Step::LoadRoot),
        1 => Just(Step::ToggleProtection),
        1 => (0..12_u64).prop_map(Step::Take),
        1 => (0..12_u64, any::<bool>()).prop_map(|(a, b)| Step::Give(a, b)),
    ]
}

/// A guest with a window on all its memory below its root tables 0 and 1. Returns the window's
/// address.
fn with_window(format: fn() -> Paging) -> (Model, u64) {
    let mut model = Model::new(format());
    let window = match (format().efer & EFER_LMA != 0, format().cr4 & crate::hvm::paging::CR4_PAE) {
        (true, _) => {
            [0, 1].iter().for_each(|root| model.put(*root, 256, ALIAS << 12 | 7));
            model.put(ALIAS, 0, (ALIAS + 1) << 12 | 7);
            model.put(ALIAS + 1, 0, (ALIAS + 2) << 12 | 7);
            0xffff_8000_0000_0000
        }
        (false, 0) => {
            [0, 1].iter().for_each(|root| model.put_short(*root, 768, (ALIAS + 2) << 12 | 7));
            768 << 22
        }
        (false, _) => {
            // The root is in the middle of a frame of tables, and its last pointer is the window's.
            [0, 1].iter().for_each(|root| model.put(*root, 131, (ALIAS + 1) << 12 | 1));
            [0, 1].iter().for_each(|root| model.put(*root, 128, (*root + 2) << 12 | 1));
            model.put(ALIAS + 1, 0, (ALIAS + 2) << 12 | 7);
            3 << 30
        }
    };
    for gfn in 0..GUEST_FRAMES {
        if format().cr4 & crate::hvm::paging::CR4_PAE == 0 {
            model.put_short(ALIAS + 2, gfn, gfn << 12 | 7);
        } else {
            model.put(ALIAS + 2, gfn, gfn << 12 | 7);
        }
    }
    load_root(&mut model, 0);
    (model, window)
}

fn load_root(model: &mut Model, root: u64) {
    let is_pae =
        model.paging.efer & EFER_LMA == 0 && model.paging.cr4 & crate::hvm::paging::CR4_PAE != 0;
    model.paging.cr3 = root << 12 | if is_pae { 128 * 8 } else { 0 };
    model.flush();
}

/// What the guest does must be allowed as soon as its tables allow it.
fn access_is_due(model: &mut Model, address: u64, access: Access) {
    let due = model.meant(address, access);
    match model.access(address, access) {
        Ok(_) => {}
        Err(Outcome::PageFault(code)) if code & 8 != 0 => {}
        Err(_) => assert_eq!(due, None, "at {address:#x}: {access:?}"),
    }
}

/// After a flush an access goes where the tables say.
fn agrees(model: &mut Model, address: u64, access: Access) {
    let result = model.access(address, access);
    if let Err(Outcome::PageFault(code)) = result
        && code & 8 != 0
    {
        return;
    }
    assert_eq!(result.ok(), model.meant(address, access), "at {address:#x}: {access:?}");
}

fn execute(model: &mut Model, window: u64, step: &Step) {
    match *step {
        Step::Write(table, slot, target, flags) => {
            let entry = target << 12 | flags;
            let slot = SLOTS[slot];
            let legacy = model.paging.cr4 & crate::hvm::paging::CR4_PAE == 0;
            // A table may be gone; then there is nothing to write to.
            let at = window + (table << 12) + slot * if legacy { 4 } else { 8 };
            if let Ok(frame) = model.access(at, WRITE) {
                assert_eq!(frame, mfn_of(table));
                if legacy {
                    model.put_short(table, slot, entry);
                } else {
                    model.put(table, slot, entry);
                }
            }
        }
        Step::Access(address, access) => access_is_due(model, address, access),
        Step::Invalidate(address) => {
            model.invalidate(address);
            agrees(model, address, READ);
        }
        Step::LoadRoot(root) => load_root(model, root),
        Step::ToggleProtection => {
            model.paging.cr0 ^= CR0_WP;
            model.flush();
        }
        Step::Take(gfn) => model.take(gfn),
        Step::Give(gfn, writable) => model.give(gfn, writable),
    }
    model.audit();
}

fn run(format: fn() -> Paging, steps: &[Step], addresses: &[u64]) {
    let (mut model, window) = with_window(format);
    for step in steps {
        execute(&mut model, window, step);
    }
    model.flush();
    for address in addresses {
        for access in [READ, USER_READ, WRITE, USER_WRITE] {
            agrees(&mut model, *address, access);
        }
    }
    model.audit();
}

fn steps(format: fn() -> Paging) -> impl Strategy<Value = (Vec<Step>, Vec<u64>)> {
    (prop::collection::vec(step(format), 1..60), prop::collection::vec(address(format), 10))
}

proptest! {
    // Each step is followed by an audit.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn four_levels((steps, addresses) in steps(long)) {
        run(long, &steps, &addresses);
    }

    #[test]
    fn three_levels((steps, addresses) in steps(pae)) {
        run(pae, &steps, &addresses);
    }

    #[test]
    fn two_levels((steps, addresses) in steps(legacy)) {
        run(legacy, &steps, &addresses);
    }
}
