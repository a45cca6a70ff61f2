// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tasks: futures that run side by side, one at a time, on the domain's one vCPU.
//!
//! A task runs until it awaits something. Nothing interrupts it, so a task that computes for long
//! calls [`yield_now`] now and then. Futures need not be `Send`.
//!
//! ```no_run
//! # use minios::task;
//! # async fn example() {
//! let sum = task::spawn(async { (1..=100).sum::<u32>() });
//! assert_eq!(sum.await, 5050);
//!
//! let endless = task::spawn(core::future::pending::<()>());
//! endless.cancel().await;
//! # }
//! ```
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use async_task::{Runnable, Task};
use xen_abi::sched::ShutdownReason;

use crate::lock::Lock;
use crate::{event_channel, shutdown, time, upcall};

/// Tasks that were woken, in that order.
static READY: Lock<VecDeque<Runnable>> = Lock::new(VecDeque::new());

/// Runs a future as a task of its own.
///
/// It starts when the current task awaits. Dropping the handle lets the task go on alone.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let schedule = |runnable| READY.lock().push_back(runnable);
    // SAFETY: the future need not be Send: there is one vCPU, and with it one thread, for ever.
    // It is 'static; the schedule function is Send and Sync.
    let (runnable, task) = unsafe { async_task::spawn_unchecked(future, schedule) };
    runnable.schedule();
    JoinHandle { task: Some(task) }
}

/// A task's future result.
pub struct JoinHandle<T> {
    /// `None` only while it is being dropped.
    task: Option<Task<T>>,
}

impl<T> JoinHandle<T> {
    /// Ends the task where it awaits; gives its result if it was done already. Returns when all
    /// that the task owned has been dropped.
    pub async fn cancel(mut self) -> Option<T> {
        self.task.take()?.cancel().await
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(Task::is_finished)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.task {
            Some(task) => Pin::new(task).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

/// Lets the other tasks that are ready run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The app's `main`, started: see [`crate::entry!`].
pub type Main = Pin<Box<dyn Future<Output = ShutdownReason>>>;

/// What `main` may return: nothing, or a result whose error is logged.
pub trait Outcome {
    /// Why the domain ends.
    fn into_reason(self) -> ShutdownReason;
}

impl Outcome for () {
    fn into_reason(self) -> ShutdownReason {
        ShutdownReason::Poweroff
    }
}

impl<T: Outcome, E: core::fmt::Display> Outcome for Result<T, E> {
    fn into_reason(self) -> ShutdownReason {
        match self {
            Ok(outcome) => outcome.into_reason(),
            Err(error) => {
                log::error!("main: {error}");
                ShutdownReason::Crash
            }
        }
    }
}

/// Called by the code that [`crate::entry!`] makes.
#[doc(hidden)]
pub fn main_from<F>(main: F) -> Main
where
    F: Future<Output: Outcome> + 'static,
{
    Box::pin(async { main.await.into_reason() })
}

unsafe extern "Rust" {
    /// Made by [`crate::entry!`] in the app.
    fn minios_app_main() -> Main;
}

/// The app's `main`.
pub(crate) fn app_main() -> Main {
    // SAFETY: `entry!` defines it with this signature; without it the image does not link.
    unsafe { minios_app_main() }
}

/// Runs `main` and all tasks, until the domain ends.
pub(crate) fn run(main: Main) -> ! {
    drop(spawn(async { shutdown(main.await) }));
    loop {
        event_channel::collect();
        time::wake_due();
        if !run_ready() {
            time::arm();
            upcall::sleep();
        }
    }
}

/// Runs the tasks that are ready now, once; returns whether there were any.
fn run_ready() -> bool {
    let count = READY.lock().len();
    for _ in 0..count {
        let runnable = READY.lock().pop_front();
        if let Some(runnable) = runnable {
            runnable.run();
        }
    }
    count > 0
}
