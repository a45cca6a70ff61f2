// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hypercall page of a guest: 128 stubs of 32 bytes (`docs/guest-guide/x86/hypercall-abi`).
use xen_abi::frame::PAGE_SIZE;

/// Bytes of one stub.
pub const STUB_SIZE: usize = 32;
/// The number of `HYPERVISOR_iret`, whose stub never returns.
const IRET: u8 = 23;

/// The instruction of a hypercall with AMD-V.
pub const VMMCALL: [u8; 3] = [0x0f, 0x01, 0xd9];
/// The instruction of a hypercall with VT-x.
pub const VMCALL: [u8; 3] = [0x0f, 0x01, 0xc1];

/// The page of a PVH guest: a stub is `mov eax, NUMBER`, the instruction of the processor, `ret`.
#[must_use]
pub fn hvm_page([a, b, c]: [u8; 3]) -> [u8; PAGE_SIZE] {
    let mut page = [0xcc; PAGE_SIZE];
    for (slot, number) in page.chunks_exact_mut(STUB_SIZE).zip(0u8..) {
        let call = [0xb8, number, 0, 0, 0, a, b, c, 0xc3];
        let undefined = [0x0f, 0x0b];
        let stub: &[u8] = if number == IRET { &undefined } else { &call };
        for (to, from) in slot.iter_mut().zip(stub) {
            *to = *from;
        }
    }
    page
}

/// The page of a PV guest, ready to be written into the guest.
#[must_use]
pub fn hypercall_page() -> [u8; PAGE_SIZE] {
    // int3 where no stub is, so that a stray jump is seen at once.
    let mut page = [0xcc; PAGE_SIZE];
    for (slot, number) in page.chunks_exact_mut(STUB_SIZE).zip(0u8..) {
        let n = number;
        let call = [0x51, 0x41, 0x53, 0xb8, n, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3];
        let iret = [0x51, 0x41, 0x53, 0x50, 0xb8, n, 0, 0, 0, 0x0f, 0x05];
        let stub: &[u8] = if n == IRET { &iret } else { &call };
        for (to, from) in slot.iter_mut().zip(stub) {
            *to = *from;
        }
    }
    page
}
