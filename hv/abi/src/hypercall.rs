// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hypercall numbers and the hypercall page (`public/xen.h`, `public/arch-x86/xen-x86_64.h`).
//!
//! Number in rax; arguments in rdi, rsi, rdx, r10, r8; result in rax. `syscall` destroys rcx and
//! r11, everything else is kept.

/// Bytes of one stub in the hypercall page; stub `n` makes hypercall `n`.
pub const STUB_SIZE: usize = 32;
/// Stubs in the hypercall page.
pub const STUB_COUNT: usize = 128;

const _: () = assert!(STUB_SIZE * STUB_COUNT == crate::frame::PAGE_SIZE);

number_enum! {
    /// The hypercalls, by number.
    pub enum Hypercall: u64 {
        /// `set_trap_table`: the guest's exception handlers.
        SetTrapTable = 0,
        /// `mmu_update`: writes page table entries and m2p entries.
        MmuUpdate = 1,
        /// `set_gdt`: the frames of the guest's descriptor table.
        SetGdt = 2,
        /// `stack_switch`: the kernel stack for traps from guest user mode.
        StackSwitch = 3,
        /// `set_callbacks`: event, failsafe and syscall entries.
        SetCallbacks = 4,
        /// `fpu_taskswitch`: sets or clears CR0.TS.
        FpuTaskswitch = 5,
        /// `sched_op_compat`: the old form of [`Self::SchedOp`].
        SchedOpCompat = 6,
        /// `platform_op`: host hardware, for domain 0.
        PlatformOp = 7,
        /// `set_debugreg`.
        SetDebugreg = 8,
        /// `get_debugreg`.
        GetDebugreg = 9,
        /// `update_descriptor`: writes one segment descriptor.
        UpdateDescriptor = 10,
        /// `memory_op`: see [`crate::memory`].
        MemoryOp = 12,
        /// `multicall`: see [`crate::multicall`].
        Multicall = 13,
        /// `update_va_mapping`: writes the L1 entry of an address.
        UpdateVaMapping = 14,
        /// `set_timer_op`: the one-shot timer, absolute ns.
        SetTimerOp = 15,
        /// `event_channel_op_compat`: the old form of [`Self::EventChannelOp`].
        EventChannelOpCompat = 16,
        /// `xen_version`: see [`crate::version`].
        XenVersion = 17,
        /// `console_io`: see [`crate::console`].
        ConsoleIo = 18,
        /// `physdev_op_compat`: the old form of [`Self::PhysdevOp`].
        PhysdevOpCompat = 19,
        /// `grant_table_op`: see [`crate::grant_table`].
        GrantTableOp = 20,
        /// `vm_assist`: see [`crate::vm_assist`].
        VmAssist = 21,
        /// `update_va_mapping_otherdomain`.
        UpdateVaMappingOtherdomain = 22,
        /// `iret`: return from a trap; see [`crate::trap::IretContext`].
        Iret = 23,
        /// `vcpu_op`: see [`crate::vcpu`].
        VcpuOp = 24,
        /// `set_segment_base`: the FS and GS bases.
        SetSegmentBase = 25,
        /// `mmuext_op`: see [`crate::mmu`].
        MmuextOp = 26,
        /// `xsm_op`: security module.
        XsmOp = 27,
        /// `nmi_op`: the NMI callback.
        NmiOp = 28,
        /// `sched_op`: see [`crate::sched`].
        SchedOp = 29,
        /// `callback_op`: see [`crate::trap::CallbackRegister`].
        CallbackOp = 30,
        /// `xenoprof_op`: profiling.
        XenoprofOp = 31,
        /// `event_channel_op`: see [`crate::event_channel`].
        EventChannelOp = 32,
        /// `physdev_op`: see [`crate::physdev`].
        PhysdevOp = 33,
        /// `hvm_op`: parameters of PVH and HVM domains.
        HvmOp = 34,
        /// `sysctl`: see [`crate::sysctl`].
        Sysctl = 35,
        /// `domctl`: see [`crate::domctl`].
        Domctl = 36,
        /// `kexec_op`.
        KexecOp = 37,
        /// `tmem_op`, withdrawn.
        TmemOp = 38,
        /// `argo_op`.
        ArgoOp = 39,
        /// `xenpmu_op`: performance counters.
        XenpmuOp = 40,
        /// `dm_op`: device models.
        DmOp = 41,
        /// `hypfs_op`.
        HypfsOp = 42,
        /// `arch_0`, on x86 `mca`: machine checks.
        Mca = 48,
        /// `arch_1`, on x86 `paging_domctl_cont`.
        PagingDomctlCont = 49,
        /// `arch_7`, which Xen has not: counts all references again and returns the number of
        /// differences. For the first domain, in builds of the hypervisor with assertions.
        Audit = 55,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;

    #[test]
    fn numbers_round_trip_and_gaps_are_refused() {
        for number in 0..64 {
            match Hypercall::try_from(number) {
                Ok(call) => assert_eq!(call.raw(), number),
                Err(error) => assert_eq!(error, Errno::Enosys),
            }
        }
        assert_eq!(Hypercall::try_from(29), Ok(Hypercall::SchedOp));
        assert!(Hypercall::try_from(11).is_err());
    }
}
