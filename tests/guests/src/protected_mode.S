// SPDX-License-Identifier: MIT OR Apache-2.0
// Out of long mode and back: a list of memory accesses in protected mode, with page tables of its
// two older kinds. Everything here lies where it is mapped, below 4 GiB. A step that faults is given
// up, and marked.
//
// protected_mode(rdi = machine state: u32 cr3, u32 cr4, then room for 6 words; rsi = list of u32
// triples: what to do, address, value).

.text
.balign 16
.globl protected_mode
protected_mode:
    push rbx
    push rbp
    push r12
    pushfq
    cli
    mov [rdi + 8], rsp
    mov rax, cr3
    mov [rdi + 16], rax
    mov rax, cr4
    mov [rdi + 24], rax
    mov rax, cr0
    mov [rdi + 60], eax
    sgdt [rdi + 32]
    mov ax, cs
    mov [rdi + 42], ax
    mov r12w, ss
    mov [rdi + 44], r12w
    sidt [rdi + 48]
    lgdt [protected_gdt_pointer]
    lidt [protected_idt_pointer]
    mov ebx, edi
    push 0x10
    lea rax, [rip + 1f]
    push rax
    retfq

.code32
1:  mov ax, 0x18
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    mov ecx, 0xc0000080
    rdmsr
    and eax, 0xfffffeff
    wrmsr
    mov eax, [ebx + 4]
    mov cr4, eax
    mov eax, [ebx]
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    jmp 2f
2:  mov edx, [esi + 4]
    mov eax, [esi]
    jmp [protected_steps + eax * 4]
step_read:
    mov eax, [edx]
    mov [esi + 8], eax
    jmp 6f
step_write:
    mov eax, [esi + 8]
    mov [edx], eax
    jmp 6f
step_touch:
    lock or dword ptr [edx], 0
    jmp 6f
step_invalidate:
    invlpg [edx]
    jmp 6f
step_flush:
    mov eax, cr3
    mov cr3, eax
    jmp 6f
step_root:
    mov cr3, edx
    jmp 6f
step_cr0:
    mov eax, cr0
    xor eax, edx
    mov cr0, eax
    jmp 6f
step_cr4:
    mov eax, cr4
    xor eax, edx
    mov cr4, eax
    jmp 6f
step_efer:
    mov ecx, 0xc0000080
    mov edi, edx
    rdmsr
    xor eax, edi
    wrmsr
6:  add esi, 12
    jmp 2b
protected_mode_fault:
    mov esp, [ebx + 8]
    or dword ptr [esi], 0x80000000
    jmp 6b
step_end:
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    // Before LME: QEMU's AMD-V loses the host's paging where a guest leaves with LME and without PAE.
    mov eax, [ebx + 24]
    mov cr4, eax
    mov eax, [ebx + 16]
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x900                       // NXE may be off by now
    wrmsr
    mov eax, [ebx + 60]
    mov cr0, eax
    push 0x08
    lea eax, [protected_mode_back]
    push eax
    retf

.code64
protected_mode_back:
    mov edi, ebx
    lgdt [rdi + 32]
    lidt [rdi + 48]
    mov rsp, [rdi + 8]
    movzx eax, word ptr [rdi + 42]
    push rax
    lea rax, [rip + 9f]
    push rax
    retfq
9:  mov ax, [rdi + 44]
    mov ss, ax
    xor eax, eax
    mov ds, eax
    mov es, eax
    popfq
    pop r12
    pop rbp
    pop rbx
    ret

.section .rodata
.balign 8
// The accessed bits are set, since nobody can write them here.
protected_gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
protected_gdt_pointer:
    .word 31
    .quad protected_gdt
protected_idt_pointer:
    .word 32 * 8 - 1
    .quad {idt}
.balign 4
// In the order of `What`.
protected_steps:
    .long step_end, step_read, step_write, step_touch, step_invalidate, step_flush, step_root
    .long step_cr0, step_cr4, step_efer
.text
