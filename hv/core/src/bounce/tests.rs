// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Bounce, Cause, Interrupted, bounce, guest_rflags};

const KERNEL: Interrupted = Interrupted {
    rip: 0x1000,
    cs: 0xe033,
    rflags: 0x10302,
    rsp: 0x7fe8,
    ss: 0xe02b,
    scratch: [11, 22],
    in_kernel: true,
    upcall_mask: 1,
    iopl: 0,
};

#[test]
fn kernel_frame_hides_the_ring_and_shows_the_mask() {
    let made = bounce(&KERNEL, 0, Cause::Plain);
    let Bounce { rsp, rflags, .. } = made;
    assert_eq!(made.words(), [11, 22, 0x1000, 0x1_0000_e030, 0x10102, 0x7fe8, 0xe02b]);
    assert_eq!(rsp, 0x7fe0 - 56);
    assert_eq!(rflags, 0x202);
}

#[test]
fn user_frame_goes_to_the_kernel_stack() {
    let user = Interrupted { in_kernel: false, upcall_mask: 0, ..KERNEL };
    let made = bounce(&user, 0x9008, Cause::ErrorCode(6));
    assert_eq!(made.words(), [11, 22, 6, 0x1000, 0xe033, 0x10302, 0x7fe8, 0xe02b]);
    assert_eq!(made.rsp, 0x9000 - 64);
}

#[test]
fn virtual_iopl_is_shown() {
    let from = Interrupted { iopl: 3, ..KERNEL };
    let made = bounce(&from, 0, Cause::Plain);
    assert_eq!(made.words().get(4), Some(&0x13102));
}

#[test]
fn only_syscall_clears_the_direction_flag() {
    let from = Interrupted { rflags: 0x602, ..KERNEL };
    assert_eq!(bounce(&from, 0, Cause::Plain).rflags, 0x602);
    assert_eq!(bounce(&from, 0, Cause::Syscall).rflags, 0x202);
}

#[test]
fn failsafe_frame_has_the_selectors() {
    let made = bounce(&KERNEL, 0, Cause::Failsafe([1, 2, 3, 4]));
    assert_eq!(made.words().get(..7), Some(&[11, 22, 1, 2, 3, 4, 0x1000][..]));
    assert_eq!(made.words().len(), 11);
}

#[test]
fn a_stack_near_zero_wraps_and_does_not_panic() {
    let from = Interrupted { rsp: 8, ..KERNEL };
    assert_eq!(bounce(&from, 0, Cause::Plain).rsp, 0u64.wrapping_sub(56));
}

#[test]
fn iret_cannot_turn_interrupts_off_or_gain_io_privilege() {
    assert_eq!(guest_rflags(0x3000), 0x202);
    assert_eq!(guest_rflags(u64::MAX) & (0x3000 | 1 << 17 | 1 << 19 | 1 << 63), 0);
}
