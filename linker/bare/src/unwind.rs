// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unwinding is never used (`panic = "abort"`), but the prebuilt crates name its entry points.

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    panic!("unwinding in an image that aborts on panic")
}
