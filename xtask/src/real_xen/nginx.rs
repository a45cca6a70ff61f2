// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Linux PV domU with nginx, both from Debian's packages: what others would use instead of httpd.
use anyhow::Result;

use super::RealXen;
use crate::{
    cpio::Archive,
    debian::{BUSYBOX, Linux},
};

/// Its address.
pub(crate) const ADDRESS: &str = "10.0.2.20";
/// The path of 64 MiB, beside the page.
pub(crate) const LARGE: &str = "/large";
const PACKAGES: [&str; 5] = ["nginx", "libcrypt1", "libpcre2-8-0", "libssl3", "zlib1g"];
const PROGRAMS: [&str; 2] = [BUSYBOX, "/usr/sbin/nginx"];
const MODULES: [&str; 1] = ["xen-netfront"];

/// Adds the domain's cfg, `/etc/xen/nginx.cfg`, its kernel and its ramdisk, which serves `page`,
/// to dom0.
pub(crate) fn add(xen: &mut RealXen, page: &[u8]) -> Result<()> {
    xen.debian.require(&PACKAGES)?;
    let mut ramdisk = Archive::default();
    xen.debian.add_programs(&mut ramdisk, &PROGRAMS)?;
    let linux = Linux::fetch(&xen.debian)?;
    linux.add_modules(&mut ramdisk, &MODULES)?;
    xen.dom0.add("boot/linux", linux.vmlinuz()?);
    ramdisk.add_program("init", include_bytes!("domu/init"));
    ramdisk.add("etc/nginx.conf", include_bytes!("domu/nginx.conf"));
    ramdisk.add("etc/passwd", "root:x:0:0::/:/bin/sh\nnobody:x:99:99::/:/bin/sh\n");
    ramdisk.add("etc/group", "root:x:0:\nnogroup:x:99:\n");
    ramdisk.add("www/index.html", page);
    let config = format!(
        "name = \"nginx\"\ntype = \"pv\"\nkernel = \"/boot/linux\"\n\
         ramdisk = \"/boot/nginx.cpio\"\nextra = \"console=hvc0 quiet address={ADDRESS}\"\n\
         memory = 256\nvcpus = 1\nvif = [\"mac=00:16:3e:00:00:20\"]\n"
    );
    xen.dom0.add("etc/xen/nginx.cfg", config);
    xen.dom0.add("boot/nginx.cpio", ramdisk.bytes());
    Ok(())
}
