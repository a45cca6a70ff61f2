// SPDX-License-Identifier: MIT OR Apache-2.0
// One stub of 16 bytes for each vector. It makes the frame uniform: a word with the error code
// (0 where the CPU pushes none) in its lower and the vector in its upper half, then rip, cs,
// rflags, rsp, ss.

.text
.balign 16
.globl vector_stubs
vector_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17) && (vector != 21)
    push 0
    .endif
    mov dword ptr [rsp + 4], vector
    .if (vector == 1) || (vector == 2) || (vector == 8) || (vector == 18)
    jmp entry_interrupt_stack
    .else
    jmp entry_trap
    .endif
    .set vector, vector + 1
.endr
.balign 16
