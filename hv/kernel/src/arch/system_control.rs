// SPDX-License-Identifier: MIT OR Apache-2.0
//! System control port B of a PC: why an NMI came.
use xen_abi::nmi::NmiReason;

use super::port::{in8, out8};

const PORT: u8 = 0x61;
const PCI_ERROR: u8 = 1 << 7;
const IO_CHECK: u8 = 1 << 6;
/// Bits that turn the two sources off, and so forget what they signal.
const CLEAR_PCI_ERROR: u8 = 1 << 2;
const CLEAR_IO_CHECK: u8 = 1 << 3;
/// Bits that can be written.
const WRITABLE: u8 = 0x0f;

/// Why the last NMI came; the source is made ready for the next.
pub fn take_nmi_reason() -> NmiReason {
    let status = in8(PORT.into());
    let mut reason = NmiReason::empty();
    let mut clear = 0;
    if status & PCI_ERROR != 0 {
        reason |= NmiReason::PCI_SERR;
        clear |= CLEAR_PCI_ERROR;
    }
    if status & IO_CHECK != 0 {
        reason |= NmiReason::IO_ERROR;
        clear |= CLEAR_IO_CHECK;
    }
    if reason.is_empty() {
        return NmiReason::UNKNOWN;
    }
    let kept = status & WRITABLE;
    out8(PORT.into(), kept | clear);
    out8(PORT.into(), kept & !clear);
    reason
}
