// SPDX-License-Identifier: MIT OR Apache-2.0
//! No test: a PVH guest that never leaves its NMI handler: further NMIs wait, and interrupts are off.
//! As a PV guest it spins.
#![no_std]
#![no_main]

use minios::GuestType;
use minios::trap::{self, TrapFrame};
use test_guests::apic::{Apic, BASE, register};
use test_guests::msr::wrmsr;
use xen_abi::trap::VECTOR_NMI;

const IS_MSR: u64 = 0xfee0_0d00;
const ENABLED: u64 = 0x1ff;
const TO_ITSELF: u64 = 0x4_0400;

async fn hold() {
    log::info!("holding the processor");
    if minios::guest_type() == GuestType::Pvh {
        trap::set_handler(VECTOR_NMI, stay);
        wrmsr(BASE, IS_MSR);
        Apic::Msr.write(register::SPURIOUS, ENABLED);
        Apic::Msr.write(register::COMMAND, TO_ITSELF);
        panic!("no NMI came");
    }
    test_guests::spin();
}

fn stay(_: &mut TrapFrame) -> bool {
    // The second one waits for good.
    Apic::Msr.write(register::COMMAND, TO_ITSELF);
    test_guests::spin();
}

minios::entry!(hold);
