// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first serial port: a 16550 at 0x3f8, 115200 baud, 8n1.
use core::fmt::{self, Write};

use super::port::{in8, out8};

const DATA: u16 = 0x3f8;
const INTERRUPT_ENABLE: u16 = DATA + 1;
const FIFO_CONTROL: u16 = DATA + 2;
const LINE_CONTROL: u16 = DATA + 3;
const MODEM_CONTROL: u16 = DATA + 4;
const LINE_STATUS: u16 = DATA + 5;

const STATUS_RECEIVED: u8 = 1;
const STATUS_HOLDING_EMPTY: u8 = 1 << 5;
const STATUS_IDLE: u8 = 1 << 6;

/// Polls of the line status before a byte is given up: no port is that slow, but one may be absent.
const PATIENCE: u32 = 1 << 20;

/// The ISA interrupt of the port.
pub const IRQ: u8 = 4;

/// The port as a sink of text; a newline is sent as carriage return and newline.
pub struct Serial;

impl Serial {
    /// Sets speed and format; no interrupts.
    pub fn init() {
        const DIVISOR_ACCESS: u8 = 0x80;
        const EIGHT_BITS: u8 = 3;
        out8(INTERRUPT_ENABLE, 0);
        out8(LINE_CONTROL, DIVISOR_ACCESS);
        out8(DATA, 1);
        out8(INTERRUPT_ENABLE, 0);
        out8(LINE_CONTROL, EIGHT_BITS);
        out8(FIFO_CONTROL, 0x07);
        out8(MODEM_CONTROL, 0x0b);
    }

    /// Asks for an interrupt when a byte has been received.
    pub fn enable_receive_interrupt() {
        out8(INTERRUPT_ENABLE, 1);
    }

    /// Sends one byte.
    pub fn send(byte: u8) {
        wait_for(STATUS_HOLDING_EMPTY);
        out8(DATA, byte);
    }

    /// Takes a received byte, if there is one.
    pub fn receive() -> Option<u8> {
        (in8(LINE_STATUS) & STATUS_RECEIVED != 0).then(|| in8(DATA))
    }

    /// Waits until everything has left the port.
    pub fn drain() {
        wait_for(STATUS_IDLE);
    }
}

fn wait_for(status: u8) {
    for _ in 0..PATIENCE {
        if in8(LINE_STATUS) & status != 0 {
            return;
        }
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                Self::send(b'\r');
            }
            Self::send(byte);
        }
        Ok(())
    }
}
