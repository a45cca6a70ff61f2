// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use xen_abi::domain::DomId;

use super::*;
use crate::page_type::tests::fake::{DOM0, DOM0_FIRST, DOM1, Fake};
use crate::page_type::{PageType, Stop};

mod large;

/// Frames 1 to 15 are the hypervisor's: the root, and tables from there on.
fn empty() -> (P2m, impl FnMut() -> Option<Mfn>) {
    let mut next = 2..16;
    (P2m::new(Format::Npt, Mfn::new(1), 10), move || next.next().map(Mfn::new))
}

fn own(mfn: u64) -> Leaf {
    Leaf::own(Mfn::new(mfn))
}

/// Puts a leaf there as the hypervisor does, and lets go of what was there.
fn add(
    fake: &Fake,
    p2m: &mut P2m,
    gfn: Gfn,
    (leaf, owner): (Leaf, DomId),
    tables: &mut impl FnMut() -> Option<Mfn>,
) -> Result<Option<Leaf>, Stop> {
    leaf.hold(&fake.types(), owner)?;
    match p2m.set(fake, gfn, leaf, tables) {
        Ok(old) => {
            old.iter().for_each(|old| old.let_go(&fake.types()));
            Ok(old)
        }
        Err(errno) => {
            leaf.let_go(&fake.types());
            Err(errno.into())
        }
    }
}

fn take(fake: &Fake, p2m: &mut P2m, gfn: Gfn) -> Option<Leaf> {
    let leaf = p2m.take(fake, gfn, || None).unwrap()?;
    leaf.let_go(&fake.types());
    Some(leaf)
}

fn count(fake: &Fake, p2m: &P2m) -> u64 {
    let audit = crate::audit::Audit::start(fake);
    p2m.for_each(fake, |_, leaf| {
        if leaf.writable {
            audit.typed(leaf.mfn, PageType::Writable);
        } else {
            audit.general(leaf.mfn);
        }
    });
    audit.finish(|difference| std::eprintln!("{difference}"))
}

#[test]
fn a_leaf_holds_what_a_writable_mapping_holds() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    assert_eq!(p2m.get(&fake, Gfn::new(7)), None);
    assert_eq!(add(&fake, &mut p2m, Gfn::new(7), (own(100), DOM1), &mut tables), Ok(None));
    assert_eq!(p2m.get(&fake, Gfn::new(7)), Some(own(100)));
    assert_eq!(fake.page(100).state().count(), 2);
    assert_eq!(fake.page(100).type_word().count(), 1);
    assert_eq!(count(&fake, &p2m), 0);
    assert_eq!(
        add(&fake, &mut p2m, Gfn::new(7), (own(101), DOM1), &mut tables),
        Ok(Some(own(100)))
    );
    assert_eq!(take(&fake, &mut p2m, Gfn::new(7)), Some(own(101)));
    assert_eq!(take(&fake, &mut p2m, Gfn::new(7)), None);
    fake.assert_unused();
}

#[test]
fn frames_of_others_and_tables_are_refused() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    let foreign = add(&fake, &mut p2m, Gfn::new(0), (own(DOM0_FIRST), DOM1), &mut tables);
    assert_eq!(foreign, Err(Stop::Refused(Errno::Einval)));
    let own_table = add(&fake, &mut p2m, Gfn::new(0), (own(1), DOM1), &mut tables);
    assert_eq!(own_table, Err(Stop::Refused(Errno::Einval)));
    let outside = add(&fake, &mut p2m, Gfn::new(GFN_END), (own(100), DOM1), &mut tables);
    assert_eq!(outside, Err(Stop::Refused(Errno::Einval)));
    assert_eq!(p2m.get(&fake, Gfn::new(0)), None);
    fake.assert_unused();
}

#[test]
fn a_read_only_grant_is_no_use_as_writable() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    let leaf = Leaf { mfn: Mfn::new(DOM0_FIRST), kind: Kind::Grant, writable: false };
    assert_eq!(add(&fake, &mut p2m, Gfn::new(1 << 20), (leaf, DOM0), &mut tables), Ok(None));
    assert_eq!(p2m.get(&fake, Gfn::new(1 << 20)), Some(leaf));
    assert_eq!(fake.page(DOM0_FIRST).type_word().count(), 0);
    assert_eq!(count(&fake, &p2m), 0);
    assert_eq!(take(&fake, &mut p2m, Gfn::new(1 << 20)), Some(leaf));
    fake.assert_unused();
}

#[test]
fn tables_are_limited_and_given_back() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    // Each of these needs three tables of its own.
    let far = |n: u64| Gfn::new(n << 27);
    for n in 0..3 {
        assert_eq!(add(&fake, &mut p2m, far(n), (own(100 + n), DOM1), &mut tables), Ok(None));
    }
    assert_eq!(p2m.tables(), 10);
    let fourth = add(&fake, &mut p2m, far(3), (own(200), DOM1), &mut tables);
    assert_eq!(fourth, Err(Stop::Refused(Errno::Enomem)));
    let mut found = Vec::new();
    p2m.for_each(&fake, |gfn, leaf| found.push((gfn, leaf.mfn.get())));
    assert_eq!(found, [(far(0), 100), (far(1), 101), (far(2), 102)]);
    let mut next = 0;
    while let Some((leaf, 1)) = p2m.take_next(&fake, &mut next) {
        leaf.let_go(&fake.types());
    }
    fake.assert_unused();
    let mut freed = Vec::new();
    p2m.take_tables(&fake, |mfn| freed.push(mfn.get()));
    freed.sort_unstable();
    assert_eq!(freed, (1..11).collect::<Vec<u64>>());
}

/// The entries on the way to memory, and those of a page and of 2 MiB, in both formats.
#[test]
fn entries_are_as_the_processor_wants_them() {
    let grant = Leaf { mfn: Mfn::new(DOM0_FIRST), kind: Kind::Grant, writable: false };
    for (format, table, writable, read_only, not_large) in [
        (Format::Npt, 0x27, 0x67, 0x65, 0),
        (Format::Ept { large_code: true }, 0x107, 0x337, 0x335, 0),
        (Format::Ept { large_code: false }, 0x107, 0x337, 0x335, 4),
    ] {
        let fake = Fake::new();
        let mut p2m = P2m::new(format, Mfn::new(1), 10);
        let mut next = (2..16).map(Mfn::new);
        let mut tables = || next.next();
        assert_eq!(p2m.set(&fake, Gfn::new(1), own(100), &mut tables), Ok(None));
        assert_eq!(p2m.set(&fake, Gfn::new(2), grant, &mut tables), Ok(None));
        let word = |mfn, slot| fake.read_u64(entry_at(Mfn::new(mfn), slot));
        for (above, below) in [(1, 2), (2, 3), (3, 4)] {
            assert_eq!(word(above, 0), below << 12 | table, "{format:?}");
        }
        assert_eq!(word(4, 1), 100 << 12 | writable, "{format:?}");
        assert_eq!(word(4, 2), 1 << 52 | DOM0_FIRST << 12 | read_only, "{format:?}");
        assert_eq!(p2m.get(&fake, Gfn::new(1)), Some(own(100)));
        assert_eq!(p2m.get(&fake, Gfn::new(2)), Some(grant));
        assert_eq!(p2m.set_large(&fake, Gfn::new(512), own(512), &mut tables), Ok(true));
        let large = 512 << 12 | 1 << 7 | writable & !not_large;
        assert_eq!(word(3, 1), large, "{format:?}");
        assert_eq!(p2m.get(&fake, Gfn::new(1000)), Some(own(1000)));
        assert_eq!(p2m.split(&fake, Gfn::new(1000), || None), Err(Errno::Enomem));
        assert_eq!(word(3, 1), large, "{format:?}");
        assert_eq!(p2m.split(&fake, Gfn::new(1000), &mut tables), Ok(()));
        assert_eq!(word(3, 1), 5 << 12 | table, "{format:?}");
        assert_eq!(word(5, 488), 1000 << 12 | writable, "{format:?}");
        assert_eq!(p2m.split(&fake, Gfn::new(1000), || None), Ok(()), "pages already");
        assert_eq!(p2m.split(&fake, Gfn::new(5000), || None), Ok(()), "nothing there");
    }
}
