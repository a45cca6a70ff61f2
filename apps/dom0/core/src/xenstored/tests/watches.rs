// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which changes a watcher hears of, and under which names.

use super::*;

#[test]
fn the_first_event_names_the_watched_node() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Watch, "data/x\0relative\0").unwrap();
    ask(&mut store, ONE, MessageType::Watch, "/local/domain/1/data\0absolute\0").unwrap();
    let first = [("data/x", "relative"), ("/local/domain/1/data", "absolute")];
    assert_eq!(events(&mut store, ONE), pairs(&first));
    ask(&mut store, ONE, MessageType::Write, "data/x/y\0v").unwrap();
    let second = [("data/x/y", "relative"), ("/local/domain/1/data/x/y", "absolute")];
    assert_eq!(events(&mut store, ONE), pairs(&second));
}

#[test]
fn a_removal_is_told_to_watchers_above_and_below() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Write, "data/a/b/c\0v").unwrap();
    ask(&mut store, ONE, MessageType::Watch, "data\0above\0").unwrap();
    ask(&mut store, ONE, MessageType::Watch, "data/a/b/c\0below\0").unwrap();
    ask(&mut store, ONE, MessageType::Watch, "data/a/none\0none\0").unwrap();
    events(&mut store, ONE);
    ask(&mut store, ONE, MessageType::Rm, "data/a\0").unwrap();
    assert_eq!(events(&mut store, ONE), pairs(&[("data/a", "above"), ("data/a/b/c", "below")]));
}

#[test]
fn nodes_that_a_domain_may_not_read_cause_no_events() {
    let mut store = daemon();
    for path in ["/", "/local/domain/2", "/local/domain/2/data"] {
        ask(&mut store, ONE, MessageType::Watch, &std::format!("{path}\0{path}\0")).unwrap();
    }
    events(&mut store, ONE);
    dom0_write(&mut store, "/local/domain/2/data/secret", "x");
    dom0(&mut store, Operation::Remove(path_of("/local/domain/2/data/secret")));
    assert_eq!(events(&mut store, ONE), []);
    dom0_write(&mut store, "/local/domain/2/data/shared", "x");
    let shared = Permissions::new(TWO, Rights::None).with(ONE, Rights::Read);
    let path = path_of("/local/domain/2/data/shared");
    dom0(&mut store, Operation::SetPermissions(path.clone(), shared));
    assert_eq!(events(&mut store, ONE).len(), 3);
    let secret = Permissions::new(TWO, Rights::None);
    dom0(&mut store, Operation::SetPermissions(path, secret));
    assert_eq!(events(&mut store, ONE).len(), 3, "it loses sight of the node: it may know");
}

#[test]
fn the_special_watches_are_dom0s() {
    let mut store = daemon();
    for special in ["@introduceDomain\0t\0", "@releaseDomain\0t\0"] {
        assert_eq!(ask(&mut store, ONE, MessageType::Watch, special).unwrap_err(), "EACCES");
    }
    let watch = store.watch_locally("@releaseDomain").unwrap();
    assert_eq!(store.next_event(watch, None).unwrap().path, "@releaseDomain");
    assert!(store.next_event(watch, None).is_none());
    store.release(TWO);
    assert_eq!(store.next_event(watch, None).unwrap().path, "@releaseDomain");
}

#[test]
fn watches_are_taken_back_one_by_one_or_all() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap();
    assert_eq!(ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap_err(), "EEXIST");
    assert_eq!(ask(&mut store, ONE, MessageType::Unwatch, "data\0u\0").unwrap_err(), "ENOENT");
    ask(&mut store, ONE, MessageType::Watch, "data\0u\0").unwrap();
    ask(&mut store, ONE, MessageType::Unwatch, "data\0t\0").unwrap();
    events(&mut store, ONE);
    ask(&mut store, ONE, MessageType::Write, "data\0v").unwrap();
    assert_eq!(events(&mut store, ONE), pairs(&[("data", "u")]));
    ask(&mut store, ONE, MessageType::ResetWatches, "\0").unwrap();
    ask(&mut store, ONE, MessageType::Write, "data\0v").unwrap();
    assert_eq!(events(&mut store, ONE), []);
}

#[test]
fn equal_events_wait_once() {
    let mut store = daemon();
    ask(&mut store, ONE, MessageType::Watch, "data\0t\0").unwrap();
    for _ in 0..5 {
        ask(&mut store, ONE, MessageType::Write, "data/a\0v").unwrap();
    }
    assert_eq!(events(&mut store, ONE), pairs(&[("data", "t"), ("data/a", "t")]));
}
