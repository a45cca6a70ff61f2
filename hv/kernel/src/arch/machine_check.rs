// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the processor says of a machine check (Intel SDM volume 3, 16.3).
use super::msr;
use crate::log;

const MCG_CAP: u32 = 0x179;
const MCG_STATUS: u32 = 0x17a;
/// Status of the first bank; the next ones follow at a distance of 4, each before its address.
const FIRST_STATUS: u32 = 0x401;
const VALID: u64 = 1 << 63;
const HAS_ADDRESS: u64 = 1 << 58;

/// Logs every bank that has something to say.
pub fn log_banks() {
    let [banks, ..] = msr::read(MCG_CAP).to_le_bytes();
    log!("machine check status {:#x}, {banks} banks", msr::read(MCG_STATUS));
    for bank in 0..u32::from(banks) {
        let at = FIRST_STATUS + bank * 4;
        let status = msr::read(at);
        if status & VALID != 0 {
            let address = if status & HAS_ADDRESS != 0 { msr::read(at + 1) } else { 0 };
            log!("  bank {bank}: status {status:#x}, address {address:#x}");
        }
    }
}
