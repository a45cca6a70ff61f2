// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the builder tells a PVH guest, in the form that a PV guest gets.
use core::ops::Range;

use minios_core::hvm_start_info::{BootInfo, parse};
use spin::Once;
use xen_abi::domain::DomId;
use xen_abi::event_channel::EvtchnPort;
use xen_abi::frame::Mfn;
use xen_abi::hvm::HvmParam;
use xen_abi::sched::ShutdownReason;
use xen_abi::start_info::StartInfo;

use super::hypervisor;
use crate::arch::{image, size};
use crate::hypercall::{hvm, memory_op};
use crate::{shutdown, start_info};

/// The addresses that arch/pvh/entry.S maps.
const MAPPED: Range<u64> = 1..1 << 32;

static BOOT_INFO: Once<BootInfo<'static>> = Once::new();
static START_INFO: Once<StartInfo> = Once::new();

/// Reads the struct at physical address `at`, and asks for the parameters that are not in it.
pub(super) fn init(at: u64) {
    let info = match parse(at, image::bytes(), physical) {
        Ok(mut info) => {
            if let Ok(pages) = memory_op::current_reservation(DomId::SELF) {
                info.limit_ram(pages);
            }
            BOOT_INFO.call_once(|| info)
        }
        Err(error) => {
            hypervisor::say(format_args!("{error}"));
            shutdown::now(ShutdownReason::Crash)
        }
    };
    start_info::set(START_INFO.call_once(|| translate(info)));
}

/// What it said of memory.
pub(super) fn boot_info() -> &'static BootInfo<'static> {
    BOOT_INFO.get().expect("init sets it")
}

/// The bytes at physical addresses outside of the image.
fn physical(range: Range<u64>) -> Option<&'static [u8]> {
    if range.start < MAPPED.start || MAPPED.end < range.end {
        return None;
    }
    let start = core::ptr::with_exposed_provenance(size(range.start));
    // SAFETY: mapped where it is. The builder put it there; nothing writes it before boot has read
    // all it needs.
    Some(unsafe { core::slice::from_raw_parts(start, size(range.end - range.start)) })
}

fn translate(info: &BootInfo<'_>) -> StartInfo {
    let mut start = StartInfo {
        nr_pages: info.ram.pages(),
        flags: info.flags,
        store_mfn: Mfn::new(param(HvmParam::StorePfn)),
        store_evtchn: port(HvmParam::StoreEvtchn),
        mod_start: info.ramdisk.start,
        mod_len: info.ramdisk.end - info.ramdisk.start,
        ..StartInfo::default()
    };
    start.set_console(Mfn::new(param(HvmParam::ConsolePfn)), port(HvmParam::ConsoleEvtchn));
    start.set_cmd_line(info.command_line);
    start
}

/// Asks for the ports of the rings again, which change when the domain is restored.
pub(super) fn read_ports() {
    start_info::set_ports(port(HvmParam::StoreEvtchn), port(HvmParam::ConsoleEvtchn));
}

fn param(param: HvmParam) -> u64 {
    hvm::param(param).expect("a domain may read its parameters")
}

fn port(param_of: HvmParam) -> EvtchnPort {
    EvtchnPort::new(u32::try_from(param(param_of)).unwrap_or(0))
}
