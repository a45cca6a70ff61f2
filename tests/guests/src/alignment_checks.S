// SPDX-License-Identifier: MIT OR Apache-2.0
// alignment_checks(): an alignment check in ring 3, whose handler is in ring 3 too and whose stack is
// not aligned, so that its delivery raises the next one, without an end. Gates of long mode align the
// stack, so this is 32-bit code, without paging. The handler itself never begins; where it does, the
// third fault ends the guest.

.text
.balign 16
.globl alignment_checks
.type alignment_checks, @function
alignment_checks:
    cli
    lea rax, [rip + alignment_handler]
    mov [rip + alignment_gate], ax
    shr rax, 16
    mov [rip + alignment_gate + 6], ax
    lgdt [alignment_gdt_pointer]
    push 0x08
    lea rax, [rip + alignment_legacy]
    push rax
    retfq

.code32
alignment_legacy:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr0
    and eax, 0x7fffffff                 // paging
    or eax, 0x40000                     // alignment checks
    mov cr0, eax
    lidt [alignment_idt_pointer]
    push 0x23
    lea eax, [alignment_stack_end - 2]
    push eax
    push 0x40002                        // rflags: alignment checks
    push 0x1b
    lea eax, [alignment_user]
    push eax
    iretd
alignment_user:
    push eax
alignment_handler:
    ud2
.code64
.size alignment_checks, . - alignment_checks

.data
.balign 16
alignment_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00cffb000000ffff
    .quad 0x00cff3000000ffff
// Gates of 32 bits; only the last one is there.
alignment_idt:
    .skip 17 * 8
alignment_gate:
    .word 0, 0x1b, 0xee00, 0
alignment_gdt_pointer:
    .word 5 * 8 - 1
    .quad alignment_gdt
alignment_idt_pointer:
    .word 18 * 8 - 1
    .long alignment_idt

.bss
.balign 16
    .skip 4096
alignment_stack_end:
.text
