// SPDX-License-Identifier: MIT OR Apache-2.0
// What the exception entries of both kinds of guest share.

// Pushes an error code of 0 where the processor pushes none, so that all frames are alike.
.macro push_missing_error vector
    .if (\vector != 8) && (\vector != 17) && (\vector != 21) && ((\vector < 10) || (\vector > 14))
    push 0
    .endif
.endm

// Builds a TrapFrame (arch/trap_frame.rs) on the stack, with the vector state below it, calls Rust
// and restores all registers; rsp is then at the frame's vector.
//   ss rsp rflags cs rip error vector | rax rcx rdx rbx rbp rsi rdi r8..r15 | (align) fxsave area
.macro handle_trap
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    mov rbx, rsp
    sub rsp, 512
    and rsp, -16
    fxsave64 [rsp]
    call minios_trap
    fxrstor64 [rsp]
    mov rsp, rbx
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
.endm
