// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain that works a little and sleeps a little: whether it gets on beside another one.
use minios::time::{Duration, Instant, Timer};
use test_report::Report;

const WAKE_UPS: u32 = 50;
/// A neighbour that kept the processor for its time slice at each wake-up would make it 1.5 s and
/// more; the limit leaves room for a busy host.
const LIMIT: Duration = Duration::from_secs(15);

/// Sleeps and wakes up again and again.
pub async fn run(report: &mut Report) {
    if minios::is_initial_domain() {
        return report.skip("there is no other domain");
    }
    let start = Instant::now();
    for _ in 0..WAKE_UPS {
        Timer::after(Duration::from_millis(2)).await;
    }
    report.figure("microseconds a wake-up, of them 2000 asleep", {
        start.elapsed().as_micros() / u64::from(WAKE_UPS)
    });
    report.check("it gets on", start.elapsed() < LIMIT);
}
