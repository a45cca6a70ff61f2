// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages of Debian, downloaded by apt and unpacked below `target/debian`.
//!
//! Nothing is installed into the running system, and nobody has to be root. What was unpacked
//! once is used again, without apt; `cargo xtask clean` forgets it.
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::{progress::Step, setup, workspace::Workspace};

mod libraries;
mod linux;
pub(crate) use linux::Linux;

/// Unpacked packages: one tree of files, as they would be installed.
pub(crate) struct Debian {
    folder: PathBuf,
}

impl Debian {
    /// The folder of the packages; none is fetched yet.
    pub(crate) fn new(workspace: &Workspace) -> Self {
        Self { folder: workspace.target_dir().join("debian") }
    }

    /// Makes sure that the packages `names` are unpacked.
    pub(crate) fn require(&self, names: &[&str]) -> Result<()> {
        let stamps = self.folder.join("unpacked");
        fs::create_dir_all(&stamps)?;
        let is_missing = |name: &&&str| !stamps.join(name).exists();
        let missing: Vec<&str> = names.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        for program in ["apt-get", "dpkg-deb"] {
            ensure!(
                setup::on_path(program),
                "there is no {program}: packages of Debian 12 are needed, which only a Debian or \
                 Ubuntu system can fetch"
            );
        }
        let packages = self.download(&missing)?;
        let _step = Step::start(format!("Unpacking {} Debian packages", packages.len()));
        for package in packages {
            let root = self.root();
            run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root)).with_context(
                || format!("{} cannot be unpacked: is the disk full?", package.display()),
            )?;
            fs::remove_file(&package)?;
        }
        missing.iter().try_for_each(|name| Ok(fs::write(stamps.join(name), "")?))
    }

    /// Where the file `name` (an absolute path of the installed package) is.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.root().join(name.trim_start_matches('/'));
        ensure!(
            path.is_file(),
            "the Debian packages have no {name}: they must be those of Debian 12; after mending \
             apt's sources remove {}",
            self.folder.display()
        );
        Ok(path)
    }

    /// What the file `name` contains.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        fs::read(self.path(name)?).with_context(|| name.to_owned())
    }

    /// The name of `file` in the folder for what is made from packages.
    pub(crate) fn made(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Downloads the packages `names`.
    fn download(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join("download");
        // What an interrupted run left is not to be trusted.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let _step = Step::start(format!("Downloading {} Debian packages", names.len()));
        let mut download = Command::new("apt-get");
        download.args(["-q", "download"]).args(names).current_dir(&folder);
        if run(&mut download).is_err() {
            // The system's lists of packages may be old or missing: use lists of our own.
            let again = self.update_lists().and_then(|()| run(download.args(self.own_lists())));
            again.map_err(|error| advice(&error))?;
        }
        let files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
        files.collect()
    }

    fn update_lists(&self) -> Result<()> {
        for list in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(self.folder.join(list))?;
        }
        run(Command::new("apt-get").args(["-q", "update", "--error-on=any"]).args(self.own_lists()))
    }

    /// Options of apt for lists that belong to nobody but us.
    fn own_lists(&self) -> [String; 4] {
        let folder = self.folder.display();
        [
            "-o".to_owned(),
            format!("Dir::State::lists={folder}/lists"),
            "-o".to_owned(),
            format!("Dir::Cache={folder}/cache"),
        ]
    }
}

/// What to do when apt said `error`.
fn advice(error: &anyhow::Error) -> anyhow::Error {
    let said = error.to_string();
    match said.split_once("Unable to locate package ") {
        Some((_, name)) => anyhow!(
            "apt knows no package {name}: it is one of Debian 12 (bookworm), which must be among \
             apt's sources"
        ),
        None => anyhow!(
            "packages of Debian 12 cannot be downloaded: see that the network and apt's sources \
             work ({said})"
        ),
    }
}

/// Runs `command` and returns what it prints; it fails with its first line about an error.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().display().to_string();
    let output = command.env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("{program} does not start"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let error = lines().find(|line| line.starts_with("E:")).or(lines().next_back());
        bail!("{program}: {}", error.unwrap_or("it failed"));
    }
    Ok(output.stdout)
}

fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Decompresses `packed` by `tool` (`gzip`, `xz`) into the file `to`.
pub(crate) fn decompress(tool: &str, packed: &Path, to: &Path) -> Result<()> {
    let bytes = output(Command::new(tool).arg("-dc").arg(packed))?;
    // Under another name first, so that an interrupted run leaves nothing that looks finished.
    let part = to.with_extension("part");
    fs::write(&part, bytes).with_context(|| part.display().to_string())?;
    fs::rename(&part, to).with_context(|| to.display().to_string())
}

/// All usual programs in one, linked statically.
pub(crate) const BUSYBOX: &str = "/bin/busybox";
/// The package of [`BUSYBOX`].
pub(crate) const BUSYBOX_PACKAGE: &str = "busybox-static";

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{advice, output};

    #[test]
    fn a_sentence_says_what_to_do() {
        let unknown = advice(&anyhow!("apt-get: E: Unable to locate package xen-9")).to_string();
        assert!(unknown.starts_with("apt knows no package xen-9: "), "{unknown}");
        let other = advice(&anyhow!("apt-get: E: Failed to fetch")).to_string();
        assert!(other.contains("the network"), "{other}");
    }

    #[test]
    fn the_first_error_is_told() {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "echo W: old >&2; echo E: this >&2; echo E: that >&2; exit 1"]);
        assert_eq!(output(&mut shell).unwrap_err().to_string(), "sh: E: this");
    }
}
