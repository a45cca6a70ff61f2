// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions of ring 0 that a guest's kernel may use: decoded by hv-core, executed here.
use xen_abi::trap::{VECTOR_DB, VECTOR_GP, VECTOR_UD};

use crate::trap::inject;
use crate::vcpu::Vcpu;

/// A #GP of a guest: a privileged instruction, a software interrupt, or a fault of its own.
pub fn general_protection(vcpu: &Vcpu) {
    inject(vcpu, VECTOR_GP, Some(vcpu.regs.error_code.get()));
}

/// A #UD of a guest: the forced emulated CPUID, or a fault of its own.
pub fn invalid_opcode(vcpu: &Vcpu) {
    inject(vcpu, VECTOR_UD, None);
}

/// A #DB of a guest.
pub fn debug(vcpu: &Vcpu) {
    inject(vcpu, VECTOR_DB, None);
}
