// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypervisor's own messages, on the console.

/// Writes a line that begins with `(hv) `.
#[macro_export]
macro_rules! log {
    ($($arguments:tt)*) => {
        $crate::log::write(format_args!($($arguments)*))
    };
}

/// What [`log!`] calls.
pub fn write(message: core::fmt::Arguments<'_>) {
    crate::console::write(format_args!("(hv) {message}\n"));
}
