// SPDX-License-Identifier: MIT OR Apache-2.0
// Where the gates of a PVH guest's IDT lead to. The processor has pushed, from rsp upward:
// [error code], rip, cs, rflags, rsp, ss.

// Waits for an interrupt. None comes between the two instructions, says the architecture; but QEMU's
// AMD-V forgets the shadow of sti when the hypervisor is entered there.
    .balign 16
    .globl minios_pvh_sleep
    .type minios_pvh_sleep, @function
minios_pvh_sleep:
    sti
pvh_halt:
    hlt
    cli
    ret
    .size minios_pvh_sleep, . - minios_pvh_sleep

// An event only ends the sleep, and one that comes before hlt does so too: the runtime looks for
// pending ports itself. Interrupts stay off behind it, as the upcall mask stays set behind a PV
// guest's callback.
    .balign 16
    .globl minios_pvh_event
    .type minios_pvh_event, @function
minios_pvh_event:
    push rax
    lea rax, [rip + pvh_halt]
    cmp [rsp + 8], rax
    jne 1f
    inc qword ptr [rsp + 8]     // hlt is one byte
1:  pop rax
    and qword ptr [rsp + 16], ~0x200
    iretq
    .size minios_pvh_event, . - minios_pvh_event

// One stub a vector, 16 bytes each.
.macro pvh_trap_stub vector
    .balign 16
    push_missing_error \vector
    push \vector
    jmp pvh_trap
.endm

    .balign 16
    .globl minios_pvh_trap_stubs
minios_pvh_trap_stubs:
    .set vector, 0
    .rept 32
    pvh_trap_stub vector
    .set vector, vector + 1
    .endr

    .type pvh_trap, @function
pvh_trap:
    handle_trap
    add rsp, 16                 // vector, error
    iretq
    .size pvh_trap, . - pvh_trap
