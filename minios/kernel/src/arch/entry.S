// SPDX-License-Identifier: MIT OR Apache-2.0
// The first instructions of a PV guest, and its hypercall page.
//
// On entry: rsi = VA of start_info, rsp = end of the builder's boot stack page, flat segments,
// upcalls masked. We move to our own stack, which has a guard page below it.

    .section .text.hypercall_page, "ax", @progbits
    .balign 4096
    .globl hypercall_page
    .type hypercall_page, @object
    .size hypercall_page, 4096
hypercall_page:
    .skip 4096

    .section .text.entry, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    cld
    mov rdi, rsi
    mov rsi, rsp
    lea rsp, [rip + __stack_top]
    xor ebp, ebp                // the end of every backtrace
    call minios_boot
    ud2
    .size _start, . - _start

    .section .bss.shared_info, "aw", @nobits
    .balign 4096
    .globl minios_shared_info
minios_shared_info:
    .skip 4096

    .section .symbols, "a", @progbits
    .balign 16
    .skip 16                    // replaced after linking

    .text
