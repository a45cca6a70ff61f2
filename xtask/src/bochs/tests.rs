// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Clock, Machine, reason};

fn machine() -> Machine {
    Machine::new("/a b/hv.iso".into(), "/a b".into())
}

#[test]
fn the_configuration_names_cd_processor_and_serial_port() {
    let text = machine().configuration(5555);
    let has = |line: &str| assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    has("ata0-master: type=cdrom, path=\"/a b/hv.iso\", status=inserted");
    has("com1: enabled=1, mode=socket-client, dev=127.0.0.1:5555");
    has("megs: 256");
    has("clock: sync=none, time0=utc");
    assert!(text.contains("cpu: model=corei7_skylake_x, "), "{text}");
}

#[test]
fn time_may_keep_to_the_hosts() {
    let text = Machine { clock: Clock::Host, ..machine() }.configuration(5555);
    assert!(text.contains("clock: sync=slowdown, "), "{text}");
}

#[test]
fn bochs_says_why_it_ended() {
    let log = std::env::temp_dir().join(format!("bochs-{}.log", std::process::id()));
    std::fs::write(&log, "0i[SIM   ] x\n0p[ROM   ] >>PANIC<< ROM: couldn't open ROM image\n")
        .unwrap();
    assert_eq!(reason(&log), "ROM: couldn't open ROM image");
    std::fs::remove_file(&log).unwrap();
    assert!(reason(&log).ends_with(" may say why"));
}
