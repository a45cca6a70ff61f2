// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may import whom.
use super::Findings;
use crate::workspace::Package;

/// The packages of the workspace that a package may depend on. One that is not here may have
/// those of an app if it is below `apps/`, and none otherwise.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("xen-abi", &[]),
    ("domain-builder", &["xen-abi"]),
    ("hv-core", &["xen-abi"]),
    ("minios-core", &["xen-abi"]),
    ("bare", &[]),
    ("symbols", &[]),
    ("hv", &["bare", "domain-builder", "hv-core", "symbols", "xen-abi"]),
    ("minios", &["bare", "minios-core", "symbols", "xen-abi"]),
    ("dom0-core", &["domain-builder", "minios-core", "xen-abi"]),
    ("dom0", &["dom0-core", "domain-builder", "minios", "minios-core", "xen-abi"]),
    ("test-report", &["minios", "xen-abi"]),
    ("test-guests", &["minios", "test-report", "xen-abi"]),
    ("xtask", &["symbols", "test-report"]),
];

pub(super) fn check(packages: &[Package], findings: &mut Findings) {
    for package in packages {
        for import in &package.imports {
            if !is_allowed(package, import) {
                findings.error(format!("{} must not import {import}", package.name));
            }
        }
    }
}

fn is_allowed(package: &Package, import: &str) -> bool {
    match ALLOWED.iter().find(|(name, _)| *name == package.name) {
        Some((_, imports)) => imports.contains(&import),
        // An app sees the library, and the part of its own that is tested on the host.
        None if package.dir.ends_with("core") => import == "minios-core",
        None if package.dir.starts_with("apps") => {
            import == "minios" || import == format!("{}-core", package.name)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, check};
    use crate::workspace::Package;

    fn errors(name: &str, dir: &str, import: &str) -> usize {
        let mut findings = Findings::default();
        let (name, imports) = (name.to_owned(), vec![import.to_owned()]);
        check(&[Package { name, dir: dir.into(), bins: vec![], imports }], &mut findings);
        findings.errors.len()
    }

    #[test]
    fn apps_see_the_library_alone() {
        assert_eq!(errors("httpd", "apps/httpd", "minios"), 0);
        assert_eq!(errors("httpd", "apps/httpd", "xen-abi"), 1);
        assert_eq!(errors("hv-core", "hv/core", "domain-builder"), 1);
        assert_eq!(errors("new", "hv/new", "xen-abi"), 1);
    }
}
