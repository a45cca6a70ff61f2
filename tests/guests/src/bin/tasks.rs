// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runtime: tasks run side by side, are joined and cancelled, and give back what they owned.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::pending;

use minios::memory::{Page, SharedPages, usage};
use minios::task::{spawn, yield_now};
use minios::time::{Duration, Timer, with_timeout};
use test_report::Report;

test_report::guest!(run);

async fn run(report: &mut Report) {
    turns(report).await;
    ends(report).await;
    timeouts(report).await;
    many(report).await;
    pages(report);
}

/// Yields until `done` says so, or until no other task can still have had no turn.
async fn turns_until(done: impl Fn() -> bool) {
    for _ in 0..100 {
        if done() {
            return;
        }
        yield_now().await;
    }
}

/// Tasks take turns where they yield, in the order in which they were spawned.
async fn turns(report: &mut Report) {
    let log = Rc::new(RefCell::new(Vec::new()));
    let tasks: Vec<_> = (0..3)
        .map(|task| {
            let log = Rc::clone(&log);
            spawn(async move {
                for turn in 0..2 {
                    log.borrow_mut().push((turn, task));
                    yield_now().await;
                }
                task
            })
        })
        .collect();
    report.equal("nothing runs before an await", log.borrow().len(), 0);
    for (number, task) in tasks.into_iter().enumerate() {
        report.equal("result of a task", task.await, number);
    }
    let want = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)];
    report.equal("turns", log.borrow().as_slice(), &want);
}

/// A task ends by itself, by its handle, or not at all; then nothing of it is left.
async fn ends(report: &mut Report) {
    let owned = Rc::new(());
    let keep = |owned: &Rc<()>| {
        let owned = Rc::clone(owned);
        async move {
            pending::<()>().await;
            drop(owned);
        }
    };
    let never = spawn(keep(&owned));
    yield_now().await;
    report.check("a task that waits is not finished", !never.is_finished());
    report.equal("a cancelled task has no result", never.cancel().await, None);
    report.equal("what it owned is dropped", Rc::strong_count(&owned), 1);

    report.equal("cancelled before its first turn", spawn(keep(&owned)).cancel().await, None);
    report.equal("what that one owned is dropped", Rc::strong_count(&owned), 1);

    let done = spawn(async { 7 });
    turns_until(|| done.is_finished()).await;
    report.check("a task that returned is finished", done.is_finished());
    report.equal("its result survives cancelling", done.cancel().await, Some(7));

    let detached = Rc::clone(&owned);
    drop(spawn(async move {
        yield_now().await;
        drop(detached);
    }));
    report.equal("a detached task lives on", Rc::strong_count(&owned), 2);
    turns_until(|| Rc::strong_count(&owned) == 1).await;
    report.equal("and ends", Rc::strong_count(&owned), 1);
}

async fn timeouts(report: &mut Report) {
    let short = Duration::from_millis(5);
    report.check("a timeout", with_timeout(short, pending::<()>()).await.is_err());
    let quick = with_timeout(Duration::from_secs(60), async { 3 }).await;
    report.equal("no timeout", quick.ok(), Some(3));
    let task = spawn(Timer::after(Duration::from_secs(3600)));
    yield_now().await;
    report.equal("a sleeping task is cancelled", task.cancel().await, None);
}

/// A thousand tasks at once, and the memory they took is free again.
async fn many(report: &mut Report) {
    let before = usage().heap_used_bytes;
    let tasks: Vec<_> = (0..1000u64)
        .map(|n| {
            spawn(async move {
                Timer::after(Duration::from_micros(n * 7 % 3000)).await;
                n
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    report.equal("a thousand tasks", sum, 499_500);
    let after = usage().heap_used_bytes;
    report.check("their memory is free again", after <= before + 64 * 1024);
}

/// Pages change between private and shared, and are given back.
fn pages(report: &mut Report) {
    let free = usage().free_pages;
    let Ok(mut page) = Page::alloc() else { return report.error("a page", "no memory") };
    page[7] = 42;
    let shared = page.share();
    let clone = shared.clone();
    report.equal("a shared page keeps its bytes", shared.load_u8(7), 42);
    let Err(shared) = shared.into_page() else {
        return report.check("a page with a clone stays shared", false);
    };
    drop(clone);
    report.check("the last one becomes private", shared.into_page().is_ok());
    let run = SharedPages::alloc(5);
    report.equal("five pages", run.map(|run| run.len()), Ok(5 * minios::PAGE_SIZE));
    report.equal("pages are given back", usage().free_pages, free);
}
