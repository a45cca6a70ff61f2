// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{Boot, Forward, Machine, Serial};

fn line(machine: &Machine) -> String {
    let words = machine.arguments();
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[test]
fn commas_in_modules_are_doubled() {
    let modules =
        vec![("/a,b/dom0".into(), "ip=1,2".to_owned()), ("/a,b/ramdisk".into(), String::new())];
    let boot = Boot::Kernel { hv: "/hv".into(), hv_arguments: "console=com1".into(), modules };
    let line = line(&Machine::new(boot, Serial::Terminal));
    assert!(line.contains("-kernel /hv -append console=com1"), "{line}");
    assert!(line.contains("-initrd /a,,b/dom0 ip=1,,2,/a,,b/ramdisk"), "{line}");
}

#[test]
fn ports_are_forwarded() {
    let mut machine = Machine::new(Boot::Cd("/x.iso".into()), Serial::Terminal);
    machine.forwards =
        vec![Forward::tcp(8080, "10.0.2.16", 80), Forward::udp(7000, "10.0.2.17", 7)];
    let line = line(&machine);
    let forwards = "hostfwd=tcp:127.0.0.1:8080-10.0.2.16:80,hostfwd=udp:127.0.0.1:7000-10.0.2.17:7";
    assert!(line.contains(forwards), "{line}");
    assert!(line.contains("-cdrom /x.iso"), "{line}");
}
