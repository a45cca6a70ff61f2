// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's console: what is written to the serial port is kept in a log, and what is
//! typed waits for the first domain.
use core::fmt::{self, Write};

use heapless::Deque;
use hv_core::log_ring::LogRing;
use spin::Mutex;
use xen_abi::event_channel::Virq;

use crate::arch::ioapic;
use crate::arch::serial::{IRQ, Serial};
use crate::events;

/// The vector of the serial port.
pub const VECTOR: u8 = 0x21;

/// Bytes of the log.
const LOG_BYTES: usize = 32 << 10;
/// Bytes typed and not read yet.
const INPUT_BYTES: usize = 1024;

static LOG: Mutex<LogRing<LOG_BYTES>> = Mutex::new(LogRing::new());
static INPUT: Mutex<Deque<u8, INPUT_BYTES>> = Mutex::new(Deque::new());

/// Writes a text of the hypervisor's own.
pub fn write(message: fmt::Arguments<'_>) {
    struct Console;
    impl Write for Console {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            // A panic may have come while the log was being written.
            if let Some(mut log) = LOG.try_lock() {
                log.append(text.as_bytes());
            }
            Serial.write_str(text)
        }
    }
    // Cannot fail: neither of the two refuses anything.
    let _ = Console.write_fmt(message);
}

/// Writes a text of the first domain's, as it is. It is not kept: that domain has its own log.
pub fn write_guest(bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            Serial::send(b'\r');
        }
        Serial::send(byte);
    }
}

/// Lets the serial port interrupt when something is typed.
pub fn start_input() {
    let (line, trigger) = ioapic::isa_line(IRQ);
    ioapic::route(line, VECTOR, trigger);
    Serial::enable_receive_interrupt();
    ioapic::set_masked(line, false);
}

/// The next byte typed.
pub fn peek_input() -> Option<u8> {
    INPUT.lock().front().copied()
}

/// Takes what [`peek_input`] showed.
pub fn take_input() {
    INPUT.lock().pop_front();
}

/// The serial port's interrupt: takes what was typed, and tells the first domain. What finds no
/// room is lost.
pub fn receive() {
    let mut received = false;
    while let Some(byte) = Serial::receive() {
        received |= INPUT.lock().push_back(byte).is_ok();
    }
    if received {
        events::raise_global_virq(Virq::CONSOLE);
    }
}

/// Copies the log from `index` on, or from its oldest byte; returns the bytes copied and the
/// index behind them.
pub fn read_log(index: u32, buffer: &mut [u8]) -> (usize, u32) {
    LOG.lock().read(index, buffer)
}

/// The index of the oldest byte in the log.
pub fn log_start() -> u32 {
    LOG.lock().start()
}

/// Empties the log.
pub fn clear_log() {
    LOG.lock().clear();
}
