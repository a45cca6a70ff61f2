// SPDX-License-Identifier: MIT OR Apache-2.0
//! The timer of a local APIC (Intel SDM volume 3, 10.5.4): counts down, once or again and again, or
//! fires at a value of the TSC.
//!
//! Nothing counts here: the state says when the count began, and whoever owns a clock asks when it
//! ends ([`Timer::due`]) and says when that was ([`Timer::fired`]).

/// Length of a tick of the undivided clock, ns: 100 MHz, as on Xen.
pub const TICK_NS: u64 = 10;
/// The shortest period, ns, as on Xen: interrupts that come faster than they can be handled would
/// leave nothing of the processor for anybody else.
pub const MIN_PERIOD_NS: u64 = 100_000;

/// What the timer does, bits 17 and 18 of its entry in the local vector table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerMode {
    /// Counts down once.
    OneShot,
    /// Counts down again and again.
    Periodic,
    /// Waits for a value of the TSC.
    TscDeadline,
    /// The reserved value: nothing.
    Reserved,
}

impl TimerMode {
    /// The mode in an entry of the local vector table.
    #[must_use]
    pub const fn of(entry: u32) -> Self {
        match entry >> 17 & 3 {
            0 => Self::OneShot,
            1 => Self::Periodic,
            2 => Self::TscDeadline,
            _ => Self::Reserved,
        }
    }

    const fn counts(self) -> bool {
        matches!(self, Self::OneShot | Self::Periodic)
    }
}

/// When the timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this system time, ns.
    Ns(u64),
    /// At this value of the guest's TSC.
    Tsc(u64),
}

/// The timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    mode: TimerMode,
    /// The divide configuration register: bits 0, 1 and 3.
    divide: u32,
    initial: u32,
    /// When the count was `initial`, ns; `None`: it does not count.
    started_ns: Option<u64>,
    deadline_tsc: u64,
}

impl Timer {
    /// After power-up.
    pub const STOPPED: Self =
        Self { mode: TimerMode::OneShot, divide: 0, initial: 0, started_ns: None, deadline_tsc: 0 };

    /// The divide configuration register.
    #[must_use]
    pub const fn divide(&self) -> u32 {
        self.divide
    }

    /// What that register means: 1, 2, 4 .. 128.
    #[must_use]
    pub const fn divisor(&self) -> u32 {
        // 0 to 7 are by 2, 4, .. 128, and by 1.
        let exponent = (self.divide & 3 | self.divide >> 1 & 4).wrapping_add(1) & 7;
        1 << exponent
    }

    /// The initial count register.
    #[must_use]
    pub const fn initial(&self) -> u32 {
        self.initial
    }

    /// The TSC deadline; 0 is none.
    #[must_use]
    pub const fn tsc_deadline(&self) -> u64 {
        self.deadline_tsc
    }

    /// Begins to count down from `count`, or stops at 0; without effect where nothing counts.
    pub fn set_initial(&mut self, count: u32, now_ns: u64) {
        if self.mode.counts() {
            self.initial = count;
            self.started_ns = (count > 0).then_some(now_ns);
        }
    }

    /// The current count register.
    #[must_use]
    pub const fn current(&self, now_ns: u64) -> u32 {
        let Some(started_ns) = self.started_ns else { return 0 };
        let passed = now_ns.wrapping_sub(started_ns).checked_div(self.tick_ns());
        let Some(mut passed) = passed else { return 0 };
        if let (TimerMode::Periodic, Some(rest)) =
            (self.mode, passed.checked_rem(self.initial as u64))
        {
            passed = rest;
        }
        let left = (self.initial as u64).saturating_sub(passed).to_le_bytes();
        u32::from_le_bytes([left[0], left[1], left[2], left[3]])
    }

    /// Sets the divide configuration register. A count that runs goes on from where it is.
    pub fn set_divide(&mut self, value: u32, now_ns: u64) {
        let current = self.current(now_ns);
        self.divide = value & 0b1011;
        self.go_on_from(current, now_ns);
    }

    /// Sets the mode. A count that runs goes on, except from or to that of the TSC.
    pub fn set_mode(&mut self, mode: TimerMode, now_ns: u64) {
        let current = self.current(now_ns);
        let keeps = mode.counts() && self.mode.counts();
        if mode != self.mode && !keeps {
            *self = Self { divide: self.divide, ..Self::STOPPED };
        }
        self.mode = mode;
        self.go_on_from(current, now_ns);
    }

    /// Sets the TSC deadline, if that is the mode; 0 is none.
    pub const fn set_tsc_deadline(&mut self, value: u64) {
        if matches!(self.mode, TimerMode::TscDeadline) {
            self.deadline_tsc = value;
        }
    }

    /// When it fires next.
    #[must_use]
    pub const fn due(&self) -> Option<Due> {
        match (self.mode, self.started_ns) {
            (TimerMode::TscDeadline, _) if self.deadline_tsc != 0 => {
                Some(Due::Tsc(self.deadline_tsc))
            }
            (TimerMode::OneShot, Some(started_ns)) => {
                Some(Due::Ns(started_ns.wrapping_add(self.period_ns())))
            }
            (TimerMode::Periodic, Some(started_ns)) => {
                let period_ns = self.period_ns();
                let period_ns = if period_ns < MIN_PERIOD_NS { MIN_PERIOD_NS } else { period_ns };
                Some(Due::Ns(started_ns.wrapping_add(period_ns)))
            }
            _ => None,
        }
    }

    /// It has fired: it begins anew, or stops. Periods that passed unseen are one.
    pub fn fired(&mut self, now_ns: u64) {
        self.deadline_tsc = 0;
        self.started_ns = match (self.mode, self.started_ns) {
            (TimerMode::Periodic, Some(started_ns)) => {
                let passed = now_ns.wrapping_sub(started_ns);
                let rest = passed.checked_rem(self.period_ns()).unwrap_or(0);
                Some(now_ns.wrapping_sub(rest))
            }
            _ => None,
        };
    }

    /// Sets the start so that the count is `current` now.
    fn go_on_from(&mut self, current: u32, now_ns: u64) {
        let passed = u64::from(self.initial.saturating_sub(current));
        let passed_ns = passed.wrapping_mul(self.tick_ns());
        if self.started_ns.is_some() {
            self.started_ns = (current > 0).then_some(now_ns.wrapping_sub(passed_ns));
        }
    }

    const fn tick_ns(&self) -> u64 {
        TICK_NS.wrapping_mul(self.divisor() as u64)
    }

    /// From the initial count to 0, ns.
    const fn period_ns(&self) -> u64 {
        (self.initial as u64).wrapping_mul(self.tick_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(mode: TimerMode, divide: u32, count: u32) -> Timer {
        let mut timer = Timer::STOPPED;
        timer.set_mode(mode, 0);
        timer.set_divide(divide, 0);
        timer.set_initial(count, 1000);
        timer
    }

    #[test]
    fn once() {
        let mut timer = running(TimerMode::OneShot, 0b1011, 100);
        assert_eq!(timer.due(), Some(Due::Ns(2000)));
        assert_eq!(
            [1000, 1500, 1999, 2000, 9000].map(|now| timer.current(now)),
            [100, 50, 1, 0, 0]
        );
        timer.fired(2005);
        assert_eq!((timer.due(), timer.current(2005), timer.initial()), (None, 0, 100));
    }

    #[test]
    fn again_and_again() {
        let mut timer = running(TimerMode::Periodic, 0, 50_000);
        assert_eq!(timer.due(), Some(Due::Ns(1_001_000)));
        timer.fired(1_001_700);
        assert_eq!(timer.due(), Some(Due::Ns(2_001_000)));
        timer.fired(5_001_020);
        assert_eq!((timer.due(), timer.current(5_001_020)), (Some(Due::Ns(6_001_000)), 49_999));
    }

    #[test]
    fn no_storm() {
        let mut timer = running(TimerMode::Periodic, 0b1011, 1);
        for now_ns in [101_000, 201_000] {
            assert_eq!(timer.due(), Some(Due::Ns(now_ns)));
            timer.fired(now_ns);
        }
    }

    #[test]
    fn divisors() {
        for (register, divisor) in
            [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128), (11, 1)]
        {
            let timer = running(TimerMode::OneShot, register, 7);
            assert_eq!(timer.due(), Some(Due::Ns(1000 + 7 * 10 * divisor)), "{register}");
        }
    }

    #[test]
    fn a_count_goes_on_where_it_is() {
        let mut timer = running(TimerMode::OneShot, 0b1011, 100);
        timer.set_divide(0, 1500);
        assert_eq!((timer.current(1500), timer.due()), (50, Some(Due::Ns(2500))));
        timer.set_mode(TimerMode::Periodic, 1500);
        assert_eq!(timer.current(1500), 50);
        timer.set_mode(TimerMode::TscDeadline, 1500);
        assert_eq!((timer.initial(), timer.due()), (0, None));
    }

    #[test]
    fn the_tsc() {
        let mut timer = Timer::STOPPED;
        timer.set_tsc_deadline(7);
        assert_eq!((timer.tsc_deadline(), timer.due()), (0, None));
        timer.set_mode(TimerMode::TscDeadline, 0);
        timer.set_initial(5, 0);
        timer.set_tsc_deadline(7);
        assert_eq!((timer.initial(), timer.due()), (0, Some(Due::Tsc(7))));
        timer.fired(0);
        assert_eq!((timer.tsc_deadline(), timer.due()), (0, None));
    }

    proptest::proptest! {
        #[test]
        fn it_never_fires_before_its_count_is_0(
            mode in 0u32..2, divide in 0u32..16, count in 1u32.., start in 0u64..1 << 40, early in 1u64..,
        ) {
            let mut timer = Timer::STOPPED;
            timer.set_mode(TimerMode::of(mode << 17), 0);
            timer.set_divide(divide, 0);
            timer.set_initial(count, start);
            let Some(Due::Ns(due)) = timer.due() else { panic!() };
            let before = due.saturating_sub(early).max(start);
            let storm = timer.period_ns() < MIN_PERIOD_NS;
            assert!(timer.current(before) > 0 || (storm && mode == 1));
            if mode == 0 {
                assert_eq!(timer.current(due), 0);
            }
            timer.fired(due);
            assert_eq!(timer.due().is_some(), mode == 1);
        }
    }
}
