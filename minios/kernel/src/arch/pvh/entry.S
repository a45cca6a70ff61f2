// SPDX-License-Identifier: MIT OR Apache-2.0
// The first instructions of a PVH guest, from 32-bit mode to Rust.
//
// On entry: ebx = physical address of hvm_start_info, protected mode with flat segments, paging
// and interrupts off. The tables made here map the first 4 GiB by 2 MiB pages where they are;
// arch/pvh/memory.rs replaces them.

    .section .text.entry, "ax", @progbits
    .code32
    .globl minios_start_pvh
minios_start_pvh:
    cld
    mov esp, offset __stack_top
    mov edi, ebx

    mov eax, offset pvh_l3 + 3              // present, writable
    mov [minios_pvh_tables], eax
    xor ecx, ecx
    mov eax, offset pvh_l2 + 3
1:  mov [pvh_l3 + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jne 1b
    xor ecx, ecx
    mov eax, 0x83                           // present, writable, 2 MiB
2:  mov [pvh_l2 + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 2b

    mov eax, 0x620                          // PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset minios_pvh_tables
    mov cr3, eax
    mov ecx, 0xc0000080                     // EFER
    mov eax, 0x900                          // LME, NXE
    xor edx, edx
    wrmsr
    mov eax, 0x80010033                     // PG, WP, NE, ET, MP, PE
    mov cr0, eax
    lgdt [pvh_gdt_pointer]
    push 0x08
    mov eax, offset pvh_start64
    push eax
    retf

    .code64
    .type pvh_start64, @function
pvh_start64:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, edi                            // the upper halves are undefined
    lea rsp, [rip + __stack_top]
    xor ebp, ebp                            // the end of every backtrace
    fninit
    push 0x1f80                             // all exceptions masked
    ldmxcsr [rsp]
    pop rax
    call minios_boot_pvh
    ud2
    .size pvh_start64, . - pvh_start64

    .section .rodata.pvh_gdt, "a", @progbits
    .balign 8
pvh_gdt:
    .quad 0
    .quad 0x00af9b000000ffff                // code, 64 bit
    .quad 0x00cf93000000ffff                // data
pvh_gdt_pointer:
    .short . - pvh_gdt - 1
    .long pvh_gdt

    .section .bss.pvh_tables, "aw", @nobits
    .balign 4096
    .globl minios_pvh_tables
minios_pvh_tables:                          // L4, L3, four L2
    .skip 4096
pvh_l3:
    .skip 4096
pvh_l2:
    .skip 4096 * 4

    .text
