// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model-specific registers that a PVH guest may look for: which it has, what they say, and whether
//! they take what they said, or 0.
#![no_std]
#![no_main]

use test_guests::msr::{rdmsr, wrmsr};
use test_guests::traps;
use test_report::Report;
use xen_abi::trap::{TrapFlags, VECTOR_GP};

test_report::guest!(run, only_pvh = "a PV guest has other registers: `emulation`");

/// Names and numbers.
const REGISTERS: [(&str, u32); 40] = [
    ("P5_MC_ADDR", 0x0),
    ("PLATFORM_ID", 0x17),
    ("FEATURE_CONTROL", 0x3a),
    ("TSC_ADJUST", 0x3b),
    ("SPEC_CTRL", 0x48),
    ("PRED_CMD", 0x49),
    ("BIOS_UPDT_TRIG", 0x79),
    ("BIOS_SIGN_ID", 0x8b),
    ("PLATFORM_INFO", 0xce),
    ("MPERF", 0xe7),
    ("APERF", 0xe8),
    ("ARCH_CAPABILITIES", 0x10a),
    ("MISC_FEATURES_ENABLES", 0x140),
    ("MCG_CAP", 0x179),
    ("MCG_STATUS", 0x17a),
    ("MCG_CTL", 0x17b),
    ("PERFEVTSEL0", 0x186),
    ("PERF_STATUS", 0x198),
    ("PERF_CTL", 0x199),
    ("THERM_STATUS", 0x19c),
    ("MISC_ENABLE", 0x1a0),
    ("ENERGY_PERF_BIAS", 0x1b0),
    ("DEBUGCTL", 0x1d9),
    ("LASTBRANCHFROMIP", 0x1db),
    ("MC0_CTL2", 0x280),
    ("FIXED_CTR_CTRL", 0x38d),
    ("PERF_GLOBAL_CTRL", 0x38f),
    ("MC0_CTL", 0x400),
    ("MC0_STATUS", 0x401),
    ("RAPL_POWER_UNIT", 0x606),
    ("XSS", 0xda0),
    ("TSC_AUX", 0xc000_0103),
    ("K7_EVNTSEL0", 0xc001_0000),
    ("SYSCFG", 0xc001_0010),
    ("HWCR", 0xc001_0015),
    ("TOP_MEM", 0xc001_001a),
    ("PATCH_LOADER", 0xc001_0020),
    ("F15H_PERF_CTL0", 0xc001_0200),
    ("VIRT_SPEC_CTRL", 0xc001_011f),
    ("DE_CFG", 0xc001_1029),
];

async fn run(report: &mut Report) {
    traps::record(VECTOR_GP, TrapFlags::empty());
    for (name, register) in REGISTERS {
        let value = rdmsr(register);
        let back = value.map(|value| wrmsr(register, value));
        report.row(name, (value, back, wrmsr(register, 0)));
    }
}
