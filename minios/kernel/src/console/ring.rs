// SPDX-License-Identifier: MIT OR Apache-2.0
//! The console ring of a domU.
//!
//! A backend that reads nothing for [`PATIENCE_NS`] counts as dead: then lines are dropped until
//! it reads again, instead of stopping the domain at each of them.
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use minios_core::byte_ring::{CONSOLE_IN, CONSOLE_OUT};
use spin::Once;
use xen_abi::console::{OUT_CONS, OUT_SIZE};

use crate::hypercall::{event_channel, sched};
use crate::memory::SharedPages;
use crate::start_info::{console_port, start_info};
use crate::time::{system_time_ns, to_hypervisor_ns};

/// How long to wait for a backend, in nanoseconds.
const PATIENCE_NS: u64 = 1_000_000_000;
/// How long to sleep between two looks, in nanoseconds.
const SLEEP_NS: u64 = 2_000_000;

static RING: Once<Ring> = Once::new();

struct Ring {
    page: SharedPages,
    /// The backend was given up when its index was `given_up_at`.
    given_up: AtomicBool,
    given_up_at: AtomicU32,
}

/// Finds the ring that the builder made.
pub(super) fn init() {
    let info = start_info();
    RING.call_once(|| Ring {
        page: SharedPages::from_builder(info.console_mfn()),
        given_up: AtomicBool::new(false),
        given_up_at: AtomicU32::new(0),
    });
}

/// Writes bytes, with a carriage return before each newline.
pub(super) fn write(bytes: &[u8]) {
    let Some(ring) = RING.get() else { return };
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.split_last() {
            Some((b'\n', text)) => {
                ring.write(text);
                ring.write(b"\r\n");
            }
            _ => ring.write(line),
        }
    }
    ring.notify();
}

/// Waits until the backend has read everything, or is given up.
pub(super) fn flush() {
    if let Some(ring) = RING.get() {
        ring.wait_for(|filled| filled == 0);
    }
}

/// Reads what is there.
pub(super) fn read(buffer: &mut [u8]) -> usize {
    RING.get().map_or(0, |ring| ring.read(buffer))
}

impl Ring {
    fn notify(&self) {
        let _ = event_channel::send(console_port());
    }

    fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Ok(count) = CONSOLE_OUT.put(&self.page, bytes) else { return };
            if count == 0 && !self.wait_for(|filled| (filled as usize) < OUT_SIZE) {
                return;
            }
            bytes = &bytes[count..];
        }
    }

    /// Waits until `done` likes the number of bytes in the ring; `false` if it never did.
    fn wait_for(&self, done: impl Fn(u32) -> bool) -> bool {
        let begin = system_time_ns();
        loop {
            let cons = self.page.load_u32(OUT_CONS);
            let Ok(filled) = CONSOLE_OUT.filled(&self.page) else { return false };
            if done(filled) {
                self.given_up.store(false, Ordering::Relaxed);
                return true;
            }
            let moved = self.given_up_at.swap(cons, Ordering::Relaxed) != cons;
            if self.given_up.load(Ordering::Relaxed) && !moved {
                return false;
            }
            let now = system_time_ns();
            if now.wrapping_sub(begin) > PATIENCE_NS {
                self.given_up.store(true, Ordering::Relaxed);
                return false;
            }
            self.notify();
            // An event that is pending already, as it stays while upcalls are masked, ends this at
            // once.
            let _ = sched::poll(console_port(), to_hypervisor_ns(now + SLEEP_NS));
            sched::yield_now();
        }
    }

    fn read(&self, buffer: &mut [u8]) -> usize {
        let count = CONSOLE_IN.take(&self.page, buffer).unwrap_or(0);
        if count > 0 {
            self.notify();
        }
        count
    }
}
