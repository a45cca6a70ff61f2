// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that are wrong, and the sentences that say so.
use std::{fs, sync::OnceLock};

use anyhow::{Result, ensure};

use super::{PROFILE, Prompt, ensure_has};
use crate::{build, workspace::Workspace};

const UNKNOWN_KEY: &[u8] = b"name = \"a\"\nkernel = \"/boot/spinner\"\nmemry = 8\n";
const NO_QUOTE: &[u8] = b"name = \"a\nkernel = \"/boot/spinner\"\nmemory = 8\n";
const NO_NUMBER: &[u8] = b"name = \"a\"\nkernel = \"/boot/spinner\"\nmemory = \"much\"\n";

/// Cfgs with the line and the key that the error must name.
const CONFIGS: [(&str, &[u8], &[&str]); 3] = [
    ("etc/xen/unknown.cfg", UNKNOWN_KEY, &["unknown.cfg:3", "memry"]),
    ("etc/xen/quote.cfg", NO_QUOTE, &["quote.cfg:1"]),
    ("etc/xen/number.cfg", NO_NUMBER, &["number.cfg:3", "memory"]),
];

/// Kernels that are none, with their cfgs.
const KERNELS: [(&str, &str); 4] = [
    ("text", "name = \"text\"\nkernel = \"/boot/text\"\nmemory = 8\n"),
    ("arm", "name = \"arm\"\nkernel = \"/boot/arm\"\nmemory = 8\n"),
    ("plain", "name = \"plain\"\nkernel = \"/boot/plain\"\nmemory = 8\n"),
    ("missing", "name = \"missing\"\nkernel = \"/boot/missing\"\nmemory = 8\n"),
];

/// The files in dom0's ramdisk that these tests need.
pub(super) fn files(workspace: &Workspace) -> Result<Vec<(&'static str, &'static [u8])>> {
    static DAMAGED: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let good = fs::read(build::finished(workspace, PROFILE, "spinner"))?;
    let [arm, plain] = DAMAGED.get_or_init(|| [for_arm(&good), without_notes(&good)]);
    let mut files: Vec<(&str, &[u8])> =
        CONFIGS.iter().map(|(name, text, _)| (*name, *text)).collect();
    files.extend([
        ("etc/xen/text.cfg", KERNELS[0].1.as_bytes()),
        ("etc/xen/arm.cfg", KERNELS[1].1.as_bytes()),
        ("etc/xen/plain.cfg", KERNELS[2].1.as_bytes()),
        ("etc/xen/missing.cfg", KERNELS[3].1.as_bytes()),
        ("boot/text", b"this is no kernel at all, but it is as long as a header of an ELF file"),
        ("boot/arm", arm),
        ("boot/plain", plain),
    ]);
    Ok(files)
}

/// The image with another machine in its header.
fn for_arm(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    image[18] = 183;
    image
}

/// The image with notes and sections of another name.
fn without_notes(image: &[u8]) -> Vec<u8> {
    let mut image = image.to_vec();
    for name in [&b"Xen\0"[..], b"__xen_guest"] {
        while let Some(at) = image.windows(name.len()).position(|window| window == name) {
            image[at] = b'Y';
        }
    }
    image
}

/// A file that the ramdisk has not.
pub(super) fn no_file(prompt: &mut Prompt) -> Result<()> {
    ensure_has(&prompt.answer("create nothing.cfg")?, &["nothing.cfg"])
}

/// Errors name file, line and key.
pub(super) fn bad_configs(prompt: &mut Prompt) -> Result<()> {
    for (name, _, parts) in CONFIGS {
        let name = name.trim_start_matches("etc/xen/");
        ensure_has(&prompt.answer(&format!("create {name}"))?, parts)?;
    }
    Ok(())
}

/// Each wrong kernel gets a sentence of its own.
pub(super) fn bad_kernels(prompt: &mut Prompt) -> Result<()> {
    let mut sentences = Vec::new();
    for (name, _) in KERNELS {
        let sentence = prompt.answer(&format!("create {name}.cfg"))?;
        ensure!(!sentence.trim().is_empty(), "{name}: no word");
        ensure!(!sentences.contains(&sentence), "{name} gets the same sentence: {sentence}");
        sentences.push(sentence);
    }
    let list = prompt.answer("list")?;
    let there = KERNELS.iter().find(|(name, _)| list.contains(&format!("{name} ")));
    ensure!(there.is_none(), "one of them is there:\n{list}");
    Ok(())
}

/// A domain whose memory cannot hold its image.
pub(super) fn too_little_memory(prompt: &mut Prompt) -> Result<()> {
    let sentence = prompt.answer("create small.cfg")?;
    ensure!(sentence.to_lowercase().contains("memory"), "{sentence}");
    ensure!(!prompt.answer("list")?.contains("small "), "it is there all the same");
    Ok(())
}
