// SPDX-License-Identifier: MIT OR Apache-2.0
//! Large leaves: splitting, and any mixture of pages and 2 MiB against a map of pages.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The blocks of 2 MiB that are [`DOM1`]'s.
const BLOCKS: [u64; 2] = [512, 1024];

/// Puts 2 MiB there as the hypervisor does; says whether it is one leaf.
fn add_large(
    fake: &Fake,
    p2m: &mut P2m,
    gfn: u64,
    mfn: u64,
    tables: &mut impl FnMut() -> Option<Mfn>,
) -> Result<bool, Errno> {
    let pages = || (0..LARGE_PAGES).map(|offset| own(mfn).at(offset));
    pages().for_each(|page| page.hold(&fake.types(), DOM1).unwrap());
    let result = p2m.set_large(fake, Gfn::new(gfn), own(mfn), tables);
    if result != Ok(true) {
        pages().for_each(|page| page.let_go(&fake.types()));
    }
    result
}

fn let_all_go(fake: &Fake, leaf: Leaf, pages: u64) {
    (0..pages).for_each(|offset| leaf.at(offset).let_go(&fake.types()));
}

#[test]
fn two_mib_are_one_entry_until_a_page_changes() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    assert_eq!(add_large(&fake, &mut p2m, 512, 1024, &mut tables), Ok(true));
    assert_eq!((p2m.tables(), p2m.highest()), (3, Gfn::new(1023)));
    assert_eq!(p2m.get(&fake, Gfn::new(511)), None);
    assert_eq!(p2m.get(&fake, Gfn::new(1023)), Some(own(1535)));
    assert_eq!((fake.page(1535).state().count(), count(&fake, &p2m)), (2, 0));
    assert_eq!(
        add(&fake, &mut p2m, Gfn::new(600), (own(100), DOM1), &mut tables),
        Ok(Some(own(1112)))
    );
    assert_eq!(p2m.tables(), 4);
    assert_eq!(fake.page(1112).state().count(), 1);
    assert_eq!(p2m.get(&fake, Gfn::new(601)), Some(own(1113)));
    assert_eq!(count(&fake, &p2m), 0);
    assert_eq!(p2m.take_large(&fake, Gfn::new(512)), None);
    assert_eq!(take(&fake, &mut p2m, Gfn::new(512)), Some(own(1024)));
    let mut next = 0;
    while let Some((leaf, pages)) = p2m.take_next(&fake, &mut next) {
        let_all_go(&fake, leaf, pages);
    }
    fake.assert_unused();
}

#[test]
fn only_aligned_memory_goes_where_nothing_is() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    assert_eq!(add_large(&fake, &mut p2m, 1, 512, &mut tables), Ok(false));
    assert_eq!(add_large(&fake, &mut p2m, 512, 513, &mut tables), Ok(false));
    assert_eq!(add_large(&fake, &mut p2m, GFN_END, 512, &mut tables), Err(Errno::Einval));
    assert_eq!(add_large(&fake, &mut p2m, 512, 512, &mut tables), Ok(true));
    assert_eq!(add_large(&fake, &mut p2m, 512, 1024, &mut tables), Ok(false));
    assert_eq!(add(&fake, &mut p2m, Gfn::new(0), (own(16), DOM1), &mut tables), Ok(None));
    assert_eq!(add_large(&fake, &mut p2m, 0, 1024, &mut tables), Ok(false));
    assert_eq!(take(&fake, &mut p2m, Gfn::new(0)), Some(own(16)));
    let whole = p2m.take_large(&fake, Gfn::new(512)).unwrap();
    let_all_go(&fake, whole, LARGE_PAGES);
    fake.assert_unused();
}

#[test]
fn without_a_table_nothing_is_split() {
    let fake = Fake::new();
    let (mut p2m, mut tables) = empty();
    assert_eq!(add_large(&fake, &mut p2m, 0, 512, &mut tables), Ok(true));
    assert_eq!(p2m.take(&fake, Gfn::new(3), || None), Err(Errno::Enomem));
    p2m.set_max_tables(p2m.tables());
    assert_eq!(p2m.take(&fake, Gfn::new(3), &mut tables), Err(Errno::Enomem));
    let refused = add(&fake, &mut p2m, Gfn::new(3), (own(100), DOM1), &mut tables);
    assert_eq!(refused, Err(Stop::Refused(Errno::Enomem)));
    assert_eq!(p2m.get(&fake, Gfn::new(3)), Some(own(515)));
    assert_eq!(count(&fake, &p2m), 0);
}

/// A change of the address space.
#[derive(Clone, Copy, Debug)]
enum Change {
    Large { block: u64, from: usize },
    Page { gfn: u64, mfn: u64 },
    Take(u64),
    TakeLarge(u64),
}

fn change() -> impl Strategy<Value = Change> {
    let gfn = prop_oneof![0..2048_u64, (0..4_u64).prop_map(|block| block * 512), Just(1 << 27)];
    prop_oneof![
        (0..4_u64, 0..2_usize).prop_map(|(block, from)| Change::Large { block, from }),
        (gfn.clone(), 16..1536_u64).prop_map(|(gfn, mfn)| Change::Page { gfn, mfn }),
        gfn.prop_map(Change::Take),
        (0..4_u64).prop_map(Change::TakeLarge),
    ]
}

/// A p2m, and what should be in it.
struct Pair<'f> {
    fake: &'f Fake,
    p2m: P2m,
    model: BTreeMap<u64, u64>,
    free: Vec<u64>,
}

impl Pair<'_> {
    fn run(&mut self, change: Change) {
        let free = &mut self.free;
        let mut tables = || free.pop().map(Mfn::new);
        let (fake, p2m, model) = (self.fake, &mut self.p2m, &mut self.model);
        match change {
            Change::Large { block, from } => {
                let (gfn, mfn) = (block * 512, BLOCKS[from]);
                if add_large(fake, p2m, gfn, mfn, &mut tables) == Ok(true) {
                    assert!(model.range(gfn..gfn + 512).next().is_none());
                    model.extend((0..512).map(|offset| (gfn + offset, mfn + offset)));
                }
            }
            Change::Page { gfn, mfn } => {
                match add(fake, p2m, Gfn::new(gfn), (own(mfn), DOM1), &mut tables) {
                    Ok(old) => assert_eq!(old, model.insert(gfn, mfn).map(own)),
                    Err(stop) => assert_eq!(stop, Stop::Refused(Errno::Enomem)),
                }
            }
            Change::Take(gfn) => match p2m.take(fake, Gfn::new(gfn), &mut tables) {
                Ok(taken) => {
                    assert_eq!(taken, model.remove(&gfn).map(own));
                    taken.iter().for_each(|leaf| leaf.let_go(&fake.types()));
                }
                Err(errno) => assert_eq!(errno, Errno::Enomem),
            },
            Change::TakeLarge(block) => {
                let gfn = block * 512;
                if let Some(leaf) = p2m.take_large(fake, Gfn::new(gfn)) {
                    for offset in 0..512 {
                        assert_eq!(model.remove(&(gfn + offset)), Some(leaf.mfn.get() + offset));
                    }
                    let_all_go(fake, leaf, 512);
                }
            }
        }
    }

    fn check(&self) {
        let mut found = BTreeMap::new();
        self.p2m.for_each(self.fake, |gfn, leaf| {
            assert_eq!(leaf, own(leaf.mfn.get()));
            found.insert(gfn.get(), leaf.mfn.get());
        });
        assert_eq!(found, self.model);
        let cursor = Cursor::new(&self.p2m, self.fake);
        for gfn in (0..2048).chain([1 << 27, 3, GFN_END, 700, 1 << 27, 5, 6]) {
            let expected = self.model.get(&gfn).copied().map(own);
            assert_eq!(self.p2m.get(self.fake, Gfn::new(gfn)), expected);
            assert_eq!(cursor.get(Gfn::new(gfn)), expected);
        }
        assert_eq!(count(self.fake, &self.p2m), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changes(changes in prop::collection::vec(change(), 1..40), frames in 3..15_u64) {
        let fake = Fake::new();
        let free = (2..2 + frames.min(14)).collect();
        let p2m = P2m::new(Format::Ept { large_code: true }, Mfn::new(1), 12);
        let mut pair = Pair { fake: &fake, p2m, model: BTreeMap::new(), free };
        changes.into_iter().for_each(|change| pair.run(change));
        pair.check();
        let (mut next, mut gone) = (0, 0);
        while let Some((leaf, pages)) = pair.p2m.take_next(&fake, &mut next) {
            let_all_go(&fake, leaf, pages);
            gone += pages;
        }
        prop_assert_eq!(gone, pair.model.len() as u64);
        fake.assert_unused();
        let mut freed = pair.free;
        pair.p2m.take_tables(&fake, |table| freed.push(table.get()));
        freed.sort_unstable();
        prop_assert_eq!(freed, (1..2 + frames.min(14)).collect::<Vec<u64>>());
    }
}
