// SPDX-License-Identifier: MIT OR Apache-2.0
// How a second vCPU begins: in long mode at guest_second_long, or in real mode at the start of a page
// to which guest_second_real is copied.

    .text
    .balign 16
    .globl guest_second_long
    .type guest_second_long, @function
guest_second_long:
    lgdt [rip + {gdt}]
    lidt [rip + {idt}]
    mov rsp, [rip + {stack}]
    push 8                              // code
    lea rax, [rip + 1f]
    push rax
    retfq
1:  mov eax, 16                         // data
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor ebp, ebp
    call {main}
    ud2
    .size guest_second_long, . - guest_second_long

// Real mode: cs is the page. The words at its end are filled in by guest_second_words' writer.
    .balign 16
    .globl guest_second_real
    .globl guest_second_real_end
    .globl guest_second_words
    .code16
guest_second_real:
    cli
    mov ax, cs
    mov ds, ax
    mov eax, cr0
    .set words, guest_second_words - guest_second_real
    mov dword ptr [words + 24], eax
    mov eax, dword ptr [words + 32]
    mov dword ptr [{entry} * 8], eax
    .byte 0x66                          // lgdt with a base of 32 bits
    lgdt [words]
    mov eax, dword ptr [words + 8]
    mov cr4, eax
    mov eax, dword ptr [words + 12]
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, 0x900                      // LME, NXE
    xor edx, edx
    wrmsr
    mov eax, 0x80010033                 // PG, WP, NE, ET, MP, PE
    mov cr0, eax
    .byte 0x66, 0xff, 0x2e              // jmp to a selector and an offset of 32 bits
    .short words + 16
    .balign 8
guest_second_words:
    .skip 40
guest_second_real_end:
    .code64
