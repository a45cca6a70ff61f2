// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configurations good and bad.

use std::format;
use std::string::{String, ToString};

use proptest::prelude::*;

use super::{Action, DomainConfig};

const MINIMAL: &str = "name = 'a'\nkernel = '/a'\nmemory = 8\n";

fn error(text: &str) -> String {
    DomainConfig::parse("x.cfg", text).unwrap_err().to_string()
}

#[test]
fn a_full_configuration() {
    let text = r#"
# An appliance.
name = "httpd"      # its name
type = 'pv'
kernel = "/httpd.elf"; ramdisk = "/site.cpio"
extra = "ip=10.0.2.16/24 gw=10.0.2.2 say=\"x\""
memory = "16"
maxmem = 0x20
vcpus = 1
cpu_weight = 512
vif = [
    'mac=00:16:3e:01:02:03, bridge=xenbr0, ip=10.0.2.16',  # the first
    '',
]
disk = []
on_poweroff = 'destroy'
on_reboot = "restart"
on_crash = "preserve""#;
    let config = DomainConfig::parse("x.cfg", text).unwrap();
    assert_eq!(config.name, "httpd");
    assert_eq!(config.kernel, "/httpd.elf");
    assert_eq!(config.ramdisk.as_deref(), Some("/site.cpio"));
    assert_eq!(config.command_line, "ip=10.0.2.16/24 gw=10.0.2.2 say=\"x\"");
    assert_eq!((config.memory_mib, config.max_memory_mib), (16, 32));
    assert_eq!((config.vcpus, config.cpu_weight), (1, 512));
    assert_eq!(config.vifs.len(), 2);
    assert_eq!(config.vifs[0].mac.unwrap().to_string(), "00:16:3e:01:02:03");
    assert_eq!(config.vifs[0].bridge.as_deref(), Some("xenbr0"));
    assert_eq!(config.vifs[1], super::Vif::default());
    assert_eq!(config.on_crash, Action::Preserve);
}

#[test]
fn defaults_are_those_of_xl() {
    let config = DomainConfig::parse("x.cfg", MINIMAL).unwrap();
    assert_eq!((config.vcpus, config.cpu_weight, config.max_memory_mib), (1, 256, 8));
    assert_eq!(config.on_poweroff, Action::Destroy);
    assert_eq!(config.on_reboot, Action::Restart);
    assert_eq!(config.on_crash, Action::Destroy);
    assert_eq!(config.command_line, "");
}

#[test]
fn errors_name_file_line_and_key() {
    let with = |line: &str| error(&format!("{MINIMAL}{line}"));
    assert_eq!(with("colour = 'red'"), "x.cfg:4: colour: unknown key");
    assert_eq!(with("memory = 9"), "x.cfg:4: memory: given a second time");
    assert_eq!(with("vcpus = 2"), "x.cfg:4: vcpus: a PV domain has one");
    assert_eq!(with("vcpus = 9"), "x.cfg:4: vcpus: expected a number from 1 to 8");
    assert_eq!(with("cpu_weight = 0"), "x.cfg:4: cpu_weight: expected a number from 1 to 65535");
    assert_eq!(with("maxmem = 4"), "x.cfg:4: maxmem: less than memory = 8");
    assert_eq!(with("extra = 5"), "x.cfg:4: extra: expected a quoted string");
    assert_eq!(with("vif = 'x'"), "x.cfg:4: vif: expected a list in brackets");
    assert_eq!(with("vif = ['x']"), "x.cfg:4: vif: `x` is not key=value");
    assert_eq!(with("vif = ['colour=red']"), "x.cfg:4: vif: unknown part `colour=red`");
    assert_eq!(
        with("vif = ['mac=1:2:3']"),
        "x.cfg:4: vif: `1:2:3` is not an Ethernet address such as 00:16:3e:01:02:03"
    );
    assert_eq!(
        with("on_crash = 'burn'"),
        "x.cfg:4: on_crash: `burn` is none of `destroy`, `restart`, `preserve`"
    );
    let kinds = "only `pv` and `pvh`";
    let hvm = format!("x.cfg:4: type: `hvm` is no kind of domain here, {kinds}");
    assert_eq!(with("type = 'hvm'"), hvm);
    assert_eq!(with("paging = 'pae'"), "x.cfg:4: paging: `pae` is none of `nested`, `shadow`");
    let twice = "x.cfg:5: hap: `paging` and `hap` say the same";
    assert_eq!(with("paging = 'nested'\nhap = 1"), twice);
    assert_eq!(with("disk = ['x']"), "x.cfg:4: disk: this dom0 has no disks to give");
}

#[test]
fn errors_of_form_name_the_line_too() {
    assert_eq!(error("name 'a'"), "x.cfg:1: name: expected = before `'`".replace("`'`", "`\\'`"));
    assert_eq!(error("\n= 3"), "x.cfg:2: expected a key before `=`");
    assert_eq!(
        error("name ="),
        "x.cfg:1: name: expected a number, a quoted string or a list but the file ends"
    );
    assert_eq!(error("name = 'a\n'"), "x.cfg:1: name: the string has no closing quote");
    assert_eq!(error("memory = 12k"), "x.cfg:1: memory: `12k` is no number");
    assert_eq!(error("memory = 12 13"), "x.cfg:1: memory: expected the end of the line before `1`");
    assert_eq!(error("vif = [ 'a'\n'b' ]"), "x.cfg:2: vif: expected , or ] before `\\'`");
    assert_eq!(
        error("vif = ["),
        "x.cfg:1: vif: expected a number, a quoted string or a list but the file ends"
    );
    assert_eq!(error("memory = 8"), "x.cfg:1: name: missing");
    assert_eq!(error("name = '5\\q'"), "x.cfg:1: name: unknown escape in the string");
    let deep = format!("vif = {}", "[".repeat(100));
    assert_eq!(error(&deep), "x.cfg:1: vif: too many lists inside each other");
}

proptest! {
    /// Whatever the file holds: an answer, no panic.
    #[test]
    fn any_text_is_answered(text in "[a-z0-9_=\\[\\]'\"#;,\\\\ \n\u{e9}]{0,80}") {
        let _ = DomainConfig::parse("x.cfg", &text);
    }

    /// A good file with one character changed: an answer that is the same or an error in a line of
    /// the file.
    #[test]
    fn errors_point_into_the_file(at in 0..MINIMAL.len(), c in any::<char>()) {
        let mut text: std::vec::Vec<char> = MINIMAL.chars().collect();
        text[at] = c;
        let text: String = text.into_iter().collect();
        if let Err(error) = DomainConfig::parse("x.cfg", &text) {
            prop_assert!((1..=5).contains(&error.line));
        }
    }
}
