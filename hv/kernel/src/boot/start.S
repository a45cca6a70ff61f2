// SPDX-License-Identifier: MIT OR Apache-2.0
// Boot headers, and the way from the loader's 32-bit mode into the high half.
//
// In: eax = the loader's magic, ebx = its information structure (both multiboot forms).
// Boot tables, zeroed by the loader: the first 4 GiB by 2 MiB pages, at 0, in the direct map (L4 slot 262) and, from
// L3 slot 321 of L4 slot 261 on, where the image is linked. boot/paging.rs replaces them.

.section .boot.header, "a", @progbits
.balign 4
boot_header1:                           // multiboot1, with addresses
    .long 0x1BADB002
    .long 0x00010003                    // page-aligned modules, memory map, addresses follow
    .long -(0x1BADB002 + 0x00010003)
    .long boot_header1
    .long image_start
    .long load_end                      // moved behind the symbols when they are put in
    .long boot_end
    .long boot_start32
.balign 8
boot_header2:                           // multiboot2
    .long 0xE85250D6, 0, boot_header2_end - boot_header2
    .long -(0xE85250D6 + 0 + (boot_header2_end - boot_header2))
    .short 6, 0                         // page-aligned modules
    .long 8
    .short 0, 0
    .long 8
boot_header2_end:

.section .boot, "awx", @progbits
.code32
.globl boot_start32
boot_start32:
    cli
    cld
    mov esp, offset boot_stack32
    mov edi, eax
    mov esi, ebx
    mov eax, offset boot_l3 + 3
    mov [boot_l4], eax
    mov [boot_l4 + 262*8], eax
    mov eax, offset boot_l3_image + 3
    mov [boot_l4 + 261*8], eax
    xor ecx, ecx
    mov eax, offset boot_l2 + 3
1:  mov [boot_l3 + ecx*8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jne 1b
    mov eax, offset boot_l2 + 3
    mov [boot_l3_image + 321*8], eax
    xor ecx, ecx
    mov eax, 0x83
2:  mov [boot_l2 + ecx*8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 2b
    mov eax, cr4
    or eax, 0x620                       // PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset boot_l4
    mov cr3, eax
    mov ecx, 0xC0000080
    rdmsr
    or eax, 0x901                       // SCE, LME, NXE
    wrmsr
    mov eax, cr0
    and eax, 0xfffffff3                 // EM and TS off
    or eax, 0x80010023                  // PG, WP, NE, MP, PE
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    push 0x08
    mov eax, offset boot_start64
    push eax
    retf

.code64
boot_start64:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    movabs rsp, offset boot_stack
    add rsp, {BOOT_STACK_BYTES}
    xor ebp, ebp
    mov edi, edi
    mov esi, esi
    movabs rax, offset hv_main
    call rax
    ud2

.balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            // code, 64 bit
    .quad 0x00cf93000000ffff            // data
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .quad boot_gdt

.section .boot_tables, "aw", @nobits
.balign 4096
boot_l4:       .skip 4096
boot_l3:       .skip 4096
boot_l3_image: .skip 4096
boot_l2:       .skip 4096 * 4
    .skip 4096
boot_stack32:
.text
