// SPDX-License-Identifier: MIT OR Apache-2.0
use super::{AppConfig, FIRST_LEASE};

const HTTPD: &str = r#"
# serves
name = "httpd"
kernel='/boot/httpd'   # a comment
ramdisk = "/boot/httpd.cpio"
extra = "ip=10.0.2.16/24 gw=10.0.2.2"
vif = [ 'mac=00:16:3e:00:00:10' ]
"#;

#[test]
fn reads_the_keys() {
    let config = AppConfig::parse(HTTPD).unwrap();
    assert_eq!((config.name.as_str(), config.kernel.as_str()), ("httpd", "/boot/httpd"));
    assert_eq!(config.ramdisk.as_deref(), Some("/boot/httpd.cpio"));
    assert_eq!(config.address(), Some("10.0.2.16"));
}

#[test]
fn without_an_address_dhcp_gives_one() {
    let config = |extra: &str| {
        let text = format!("name = \"a\"\nkernel = \"b\"\n{extra}");
        AppConfig::parse(&text).unwrap().address().map(str::to_owned)
    };
    assert_eq!(config(""), None, "nothing to have an address");
    assert_eq!(config("vif = []"), None);
    assert_eq!(config("vif = [''] # bridged").as_deref(), Some(FIRST_LEASE));
    assert_eq!(config("vif=['']\nextra = \"ip=dhcp\"").as_deref(), Some(FIRST_LEASE));
}

#[test]
fn says_what_is_missing() {
    let error = AppConfig::parse("name = \"a\"\nkernel_extra = \"b\"").unwrap_err();
    assert_eq!(error.to_string(), "no line says `kernel = \"...\"`, in quotes");
}
