// SPDX-License-Identifier: MIT OR Apache-2.0
// Code of 16 and of 32 bits in long mode, and what only protected mode has. All here is below 4 GiB,
// where it is mapped.

// old_code_16(rdi = page), old_code_32(rdi = page): `smsw` and `lmsw` in all forms, with results in
// the page, which is the data segment. CR0.TS is set in the beginning.
.text
.macro status_words
    mov eax, 0xffffffff
    smsw ax
    mov dword ptr ds:[0], eax
    mov eax, 0xffffffff
    smsw eax
    mov dword ptr ds:[4], eax
    mov ebx, 4
    mov esi, 4
    smsw word ptr [bx + si]
    smsw word ptr [ebx + esi * 2]
    smsw word ptr ds:[16]
    smsw ax
    and ax, 0xfff7
    lmsw ax
    smsw word ptr ds:[20]
    or ax, 8
    mov word ptr ds:[24], ax
    lmsw word ptr [bx + 20]
    smsw word ptr ds:[28]
    mov word ptr ds:[32], 0
    lmsw word ptr [esi + 28]
    smsw word ptr ds:[36]
.endm

.macro begin selector
    push rbx
    push rbp
    pushfq
    cli
    mov [old_code_stack], rsp
    sgdt [old_code_gdt_before]
    mov eax, edi
    mov word ptr [old_code_data + 2], ax
    shr eax, 16
    mov byte ptr [old_code_data + 4], al
    mov byte ptr [old_code_data + 7], ah
    lgdt [old_code_gdt_pointer]
    push \selector
    lea rax, [rip + 1f]
    push rax
    retfq
.endm

.balign 16
.globl old_code_16
old_code_16:
    begin 0x20
.code16
1:  mov ax, 0x28
    mov ds, ax
    status_words
    .byte 0x66, 0xea                    // jmp to 64-bit code
    .long old_code_back
    .word 8
.code64

.balign 16
.globl old_code_32
old_code_32:
    begin 0x18
.code32
1:  mov ax, 0x28
    mov ds, ax
    status_words
    .byte 0xea
    .long old_code_back
    .word 8
.code64

old_code_back:
    lgdt [old_code_gdt_before]
    mov rsp, [old_code_stack]
    xor eax, eax
    mov ds, eax
    popfq
    pop rbp
    pop rbx
    ret

// old_code_task(): out of long mode, and to another task. There is no way back.
.balign 16
.globl old_code_task
old_code_task:
    cli
    lgdt [old_code_gdt_pointer]
    push 0x18
    lea rax, [rip + 1f]
    push rax
    retfq
.code32
1:  mov ax, 0x10
    mov ds, ax
    mov ss, ax
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov ecx, 0xc0000080
    rdmsr
    and eax, 0xfffffeff
    wrmsr
    mov ax, 0x30
    ltr ax
    .byte 0xea                          // jmp to the other task
    .long 0
    .word 0x38
    ud2
.code64

.data
.balign 8
old_code_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            // 64-bit code, as minios has it
    .quad 0x00cf93000000ffff            // data, the same
    .quad 0x00cf9b000000ffff            // 32-bit code
    .quad 0x008f9b000000ffff            // 16-bit code
old_code_data:
    .quad 0x000093000000ffff            // the page and 60 KiB behind it
    .quad 0x0000890000000067            // two tasks at address 0
    .quad 0x0000890000000067
old_code_gdt_pointer:
    .word 63
    .quad old_code_gdt
old_code_gdt_before:
    .skip 16
old_code_stack:
    .quad 0
.text
