// SPDX-License-Identifier: MIT OR Apache-2.0
// load_selector(register: edi, selector: si) -> rax: 0, or 1 if the CPU refused.
//
// A fault with rip between load_selector_start and load_selector_end continues at
// load_selector_fault (entry/fixup.rs), which loads a null selector. gs is loaded between two
// swapgs, since the load changes the active base, and that has to be the guest's.

.text
.balign 16
.globl load_selector
.type load_selector, @function
load_selector:
    xor eax, eax
.Lload_again:
    cmp edi, 1
    jb .Lload_ds
    je .Lload_es
    cmp edi, 2
    je .Lload_fs
    swapgs
.globl load_selector_start
load_selector_start:
    mov gs, si
    swapgs
    ret
.Lload_fs:
    mov fs, si
    ret
.Lload_es:
    mov es, si
    ret
.Lload_ds:
    mov ds, si
    ret
.globl load_selector_end
load_selector_end:
.globl load_selector_fault
load_selector_fault:
    xor esi, esi
    mov eax, 1
    cmp edi, 3
    jne .Lload_again
    mov gs, si
    swapgs
    ret
.size load_selector, . - load_selector
