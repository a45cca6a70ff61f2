// SPDX-License-Identifier: MIT OR Apache-2.0
// Pages and sections of the image that both kinds of guest have.

    .section .text.hypercall_page, "ax", @progbits
    .balign 4096
    .globl hypercall_page
    .type hypercall_page, @object
    .size hypercall_page, 4096
hypercall_page:
    .skip 4096

    .section .bss.shared_info, "aw", @nobits
    .balign 4096
    .globl minios_shared_info
minios_shared_info:
    .skip 4096

    .section .symbols, "a", @progbits
    .balign 16
    .skip 16                    // replaced after linking

    .text
