// SPDX-License-Identifier: MIT OR Apache-2.0
// guest_copy(to: rdi, from: rsi, len: rdx) -> rax: 0, or 1 after a fault.
//
// A #PF or #GP with rip between guest_copy_start and guest_copy_end continues at
// guest_copy_fault (entry/fixup.rs). The addresses in .smap_sites are those of stac and clac, to
// be patched to nops on a CPU without SMAP.

.text
.balign 16
.globl guest_copy
.type guest_copy, @function
guest_copy:
991: stac
    .pushsection .smap_sites, "a"
    .quad 991b
    .popsection
    mov rcx, rdx
    and edx, 7
    shr rcx, 3
.globl guest_copy_start
guest_copy_start:
    rep movsq
    mov ecx, edx
    rep movsb
.globl guest_copy_end
guest_copy_end:
    xor eax, eax
992: clac
    .pushsection .smap_sites, "a"
    .quad 992b
    .popsection
    ret
.globl guest_copy_fault
guest_copy_fault:
    mov eax, 1
    jmp 992b
.size guest_copy, . - guest_copy
