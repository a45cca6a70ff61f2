// SPDX-License-Identifier: MIT OR Apache-2.0
// The first instructions of a PV guest.
//
// On entry: rsi = VA of start_info, rsp = end of the builder's boot stack page, flat segments,
// upcalls masked. We move to our own stack, which has a guard page below it.

    .section .text.entry, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    cld
    mov rdi, rsi
    mov rsi, rsp
    lea rsp, [rip + __stack_top]
    xor ebp, ebp                // the end of every backtrace
    call minios_boot_pv
    ud2
    .size _start, . - _start

    .text
