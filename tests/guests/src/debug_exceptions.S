// SPDX-License-Identifier: MIT OR Apache-2.0
// debug_exceptions(): a #DB whose delivery writes to a word of its own stack that has a breakpoint, so
// that it raises the next one, without an end. The handler begins once, to set the breakpoint; where
// it begins again, the third fault ends the guest.

.text
.balign 16
.globl debug_exceptions
.type debug_exceptions, @function
debug_exceptions:
    cli
    lea rax, [rip + debug_handler]
    mov [rip + debug_gate], ax
    shr rax, 16
    mov [rip + debug_gate + 6], ax
    shr rax, 16
    mov [rip + debug_gate + 8], eax
    lidt [debug_idt_pointer]
    int 1
    ud2
debug_handler:
    // The gate has a stack of its own, so the next frame comes to the same place.
    cmp byte ptr [rip + debug_began], 0
    jne 1f
    mov byte ptr [rip + debug_began], 1
    mov dr0, rsp
    mov eax, 0x90402                    // writes of 8 bytes
    mov dr7, rax
    int 1
1:  ud2
.size debug_exceptions, . - debug_exceptions

.data
.balign 16
debug_idt:
    .skip 16
// Code of ring 0, the first stack of the TSS, an interrupt gate for ring 0.
debug_gate:
    .word 0, 0x08, 0x8e01, 0
    .quad 0
debug_idt_pointer:
    .word 2 * 16 - 1
    .quad debug_idt
debug_began:
    .byte 0
.text
