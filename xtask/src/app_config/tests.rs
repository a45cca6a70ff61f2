// SPDX-License-Identifier: MIT OR Apache-2.0
use super::AppConfig;

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
fn says_what_is_missing() {
    let error = AppConfig::parse("name = \"a\"\nkernel_extra = \"b\"").unwrap_err();
    assert_eq!(error.to_string(), "the key `kernel` is missing");
}
