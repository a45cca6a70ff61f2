// SPDX-License-Identifier: MIT OR Apache-2.0
// Into a guest in hardware virtualization and back, for Intel's VT-x.
//
// vmx_enter: rax = the Vcpu to continue with; never returns. The processor exchanges rsp, rip,
// rflags, the segments, control registers and some MSRs by itself, as the VMCS says; the rest is
// exchanged here. An exit comes to vmx_exit with rsp where it is at the entry.

.text
.balign 16
.globl vmx_enter
vmx_enter:
    mov rsp, gs:[{STACK_TOP}]
    mov rbx, rax
    mov rdi, rax
    call {hvm_prepare}                  // rax: has been entered before; rdx: where to say it failed
    RESTORE_XMM rbx, {XMM}
    push rdx
    push rbx                            // VMX_FRAME_BYTES in all
    test eax, eax                       // the flags stay until the jump
    mov rax, [rbx + {RAX}]
    mov rcx, [rbx + {RCX}]
    mov rdx, [rbx + {RDX}]
    mov rsi, [rbx + {RSI}]
    mov rdi, [rbx + {RDI}]
    mov rbp, [rbx + {RBP}]
    mov r8, [rbx + {R8}]
    mov r9, [rbx + {R9}]
    mov r10, [rbx + {R10}]
    mov r11, [rbx + {R11}]
    mov r12, [rbx + {R12}]
    mov r13, [rbx + {R13}]
    mov r14, [rbx + {R14}]
    mov r15, [rbx + {R15}]
    mov rbx, [rbx + {RBX}]
    jnz 1f
    vmlaunch
    jmp 2f
1:  vmresume
    // The instruction failed: the guest's registers are as they were.
2:  push rax
    mov rax, [rsp + 16]
    mov byte ptr [rax], 1
    pop rax
.globl vmx_exit
vmx_exit:
    push rax
    mov rax, [rsp + 8]
    mov [rax + {RBX}], rbx
    mov [rax + {RCX}], rcx
    mov [rax + {RDX}], rdx
    mov [rax + {RSI}], rsi
    mov [rax + {RDI}], rdi
    mov [rax + {RBP}], rbp
    mov [rax + {R8}], r8
    mov [rax + {R9}], r9
    mov [rax + {R10}], r10
    mov [rax + {R11}], r11
    mov [rax + {R12}], r12
    mov [rax + {R13}], r13
    mov [rax + {R14}], r14
    mov [rax + {R15}], r15
    mov rdi, rax
    pop [rdi + {RAX}]
    SAVE_XMM rdi, {XMM}
    xor ebp, ebp
    add rsp, 16
    call {exit_from_guest}
    jmp exit_to_guest
