// SPDX-License-Identifier: MIT OR Apache-2.0
use std::vec::Vec;

use super::*;
use crate::page_info::PageInfo;

fn mfns(list: &PageList, table: FrameTable<'_>) -> Vec<u64> {
    list.iter(table).map(Mfn::get).collect()
}

#[test]
fn frames_come_and_go_at_any_place() {
    let pages: Vec<PageInfo> = (0..8).map(|_| PageInfo::default()).collect();
    let table = FrameTable::new(&pages);
    let mut list = PageList::new();
    for mfn in 1..6 {
        list.push_back(table, Mfn::new(mfn));
    }
    for (gone, left) in [(3, [1, 2, 4, 5].as_slice()), (1, &[2, 4, 5]), (5, &[2, 4])] {
        list.remove(table, Mfn::new(gone));
        assert_eq!(mfns(&list, table), left);
    }
    assert_eq!(list.rotate(table), Some(Mfn::new(2)));
    assert_eq!((mfns(&list, table), list.len()), (Vec::from([4, 2]), 2));
    list.remove(table, Mfn::new(4));
    list.remove(table, Mfn::new(2));
    assert!(list.is_empty() && list.first().is_none());
}
