// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's own messages, on the serial port.

/// Writes a line that begins with `(hv) `.
#[macro_export]
macro_rules! log {
    ($($arguments:tt)*) => {
        $crate::log::write(format_args!($($arguments)*))
    };
}

/// What [`log!`] calls.
pub fn write(message: core::fmt::Arguments<'_>) {
    use core::fmt::Write;
    // Cannot fail: the serial port swallows everything.
    let _ = writeln!(crate::arch::serial::Serial, "(hv) {message}");
}
