// SPDX-License-Identifier: MIT OR Apache-2.0
// What tells a domain builder how to load and start this image: public/elfnote.h, and for old
// builders the section __xen_guest with the same as text.

.macro note_string type, text
    .balign 4
    .long 4, 902f - 901f, \type
    .asciz "Xen"
901: .asciz "\text"
902: .balign 4
.endm

.macro note_address type, value
    .balign 4
    .long 4, 8, \type
    .asciz "Xen"
    .quad \value
.endm

    .section .note.Xen, "a", @note
    note_string 6, "minios"             // GUEST_OS
    note_string 7, "0.1"                // GUEST_VERSION
    note_string 5, "xen-3.0"            // XEN_VERSION
    note_string 8, "generic"            // LOADER
    note_address 1, _start              // ENTRY
    note_address 2, hypercall_page      // HYPERCALL_PAGE
    note_address 3, 0                   // VIRT_BASE
    note_address 4, 0                   // PADDR_OFFSET
    note_address 18, minios_start_pvh   // PHYS32_ENTRY
    note_string 9, "yes"                // PAE_MODE
    note_string 10, ""                  // FEATURES: needs none
    .balign 4
    .long 4, 4, 14                      // SUSPEND_CANCEL: a suspend may return 1
    .asciz "Xen"
    .long 1
    .balign 4
    .long 4, 4, 17                      // SUPPORTED_FEATURES
    .asciz "Xen"
    .long 1 << 11                       // XENFEAT_dom0: may be the first domain

    .section __xen_guest, "", @progbits
    .ascii "GUEST_OS=minios,XEN_VER=xen-3.0,VIRT_BASE=0x0,ELF_PADDR_OFFSET=0x0,"
    .asciz "HYPERCALL_PAGE=0x100,PAE=yes,LOADER=generic"

    .text
