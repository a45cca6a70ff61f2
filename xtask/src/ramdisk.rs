// SPDX-License-Identifier: MIT OR Apache-2.0
//! dom0's ramdisk: the cfgs of the domains, their kernels and their ramdisks.
//!
//! | name | what |
//! |---|---|
//! | `etc/xen/auto/NAME.cfg` | a domain that dom0 creates at boot |
//! | `etc/xen/NAME.cfg` | a domain for `create NAME` |
//! | `etc/xen/FOLDER/NAME.cfg` | a domain for `create FOLDER/NAME` |
//! | `boot/APP` | an app's image |
//! | `boot/APP.cpio` | an app's ramdisk: the folder apps/APP/ramdisk |
//!
//! Other files that a cfg names are taken from the host, relative to the cfg's folder.
use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    app_config::AppConfig,
    build::{self, Profile},
    cpio::Archive,
    workspace::Workspace,
};

/// Where dom0 has cfgs.
pub(crate) const CONFIGS: &str = "etc/xen";

/// Which domains a machine starts with.
#[derive(clap::Args)]
pub(crate) struct Choice {
    /// App to start, by the name of its folder in apps/ (repeatable) [default: httpd]
    #[arg(long, value_name = "NAME")]
    app: Vec<String>,
    /// Domain to start, by its cfg file in the syntax of xl.cfg (repeatable)
    ///
    /// A kernel `/boot/NAME` is the app NAME; any other path is a file, relative to the cfg's.
    #[arg(long, value_name = "FILE.cfg")]
    config: Vec<PathBuf>,
    /// Words that no option takes: to be told what to type instead.
    #[arg(hide = true)]
    words: Vec<String>,
}

impl Choice {
    /// Reads the cfgs of the domains.
    pub(crate) fn read(&self, workspace: &Workspace) -> Result<Vec<Domain>> {
        if let Some(word) = self.words.first() {
            let apps = apps(workspace)?.join(", ");
            bail!("`{word}`: an app is chosen by `--app NAME`, and there are {apps}");
        }
        if self.app.is_empty() && self.config.is_empty() {
            return Ok(vec![Domain::of_app(workspace, "httpd")?]);
        }
        let apps = self.app.iter().map(|app| Domain::of_app(workspace, app));
        apps.chain(self.config.iter().map(|path| Domain::read(path))).collect()
    }
}

/// A domain of a machine: its cfg file, read.
#[derive(Clone)]
pub(crate) struct Domain {
    path: PathBuf,
    text: String,
    config: AppConfig,
    /// Where dom0 has its cfg.
    folder: String,
}

impl Domain {
    /// The domain of the app `name`.
    pub(crate) fn of_app(workspace: &Workspace, name: &str) -> Result<Self> {
        let path = workspace.root().join("apps").join(name).join(format!("{name}.cfg"));
        if !path.is_file() {
            bail!(
                "there is no app `{name}` with a cfg: choose from {}",
                apps(workspace)?.join(", ")
            );
        }
        Self::read(&path)
    }

    /// The domain that the cfg file at `path` describes.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        Ok(Self::new(path.to_path_buf(), text)?.at_boot())
    }

    /// The domain that `text` describes, to be created at dom0's prompt. Files that it names are
    /// relative to `path`.
    pub(crate) fn new(path: PathBuf, text: String) -> Result<Self> {
        let config = AppConfig::parse(&text).with_context(|| path.display().to_string())?;
        Ok(Self { path, text, config, folder: CONFIGS.to_owned() })
    }

    /// The same domain, created by dom0 at boot.
    pub(crate) fn at_boot(self) -> Self {
        self.in_folder("auto")
    }

    /// The same domain, whose cfg is in another folder beside the others.
    pub(crate) fn in_folder(self, name: &str) -> Self {
        Self { folder: format!("{CONFIGS}/{name}"), ..self }
    }

    /// The same domain with another value of a key in its cfg.
    pub(crate) fn with_setting(mut self, key: &str, value: &str) -> Self {
        let is_it = |line: &&str| line.split('=').next().is_some_and(|other| other.trim() == key);
        let others: Vec<&str> = self.text.lines().filter(|line| !is_it(line)).collect();
        self.text = format!("{}\n{key} = \"{value}\"\n", others.join("\n"));
        self
    }

    /// What the cfg says.
    pub(crate) fn config(&self) -> &AppConfig {
        &self.config
    }

    /// What is built here as the kernel, if it is: an app or a test guest.
    fn image(&self, workspace: &Workspace) -> Option<&str> {
        let name = self.config.kernel.strip_prefix("/boot/")?;
        let guests = workspace.root().join("tests").join("guests").join("src").join("bin");
        let is_guest = guests.join(format!("{name}.rs")).is_file();
        (is_guest || is_app(workspace, name)).then_some(name)
    }

    fn add_to(&self, archive: &mut Archive, workspace: &Workspace, profile: Profile) -> Result<()> {
        archive.add(&format!("{}/{}.cfg", self.folder, self.config.name), self.text.as_str());
        let built = self.config.kernel.strip_prefix("/boot/");
        let built = built.map(|name| build::finished(workspace, profile, name));
        let kernel = built.filter(|path| path.is_file());
        let kernel = kernel.unwrap_or_else(|| self.host_path(&self.config.kernel));
        archive.add(&self.config.kernel, read(&kernel)?);
        let Some(name) = &self.config.ramdisk else { return Ok(()) };
        let app = name.strip_prefix("/boot/").and_then(|name| name.strip_suffix(".cpio"));
        let ramdisk = match app.filter(|app| is_app(workspace, app)) {
            Some(app) => app_ramdisk(workspace, app)?,
            None => read(&self.host_path(name))?,
        };
        archive.add(name, ramdisk);
        Ok(())
    }

    fn host_path(&self, named: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new(".")).join(named)
    }
}

/// Builds the kernels of `domains` that are built here, and `others`.
pub(crate) fn build_images(
    workspace: &Workspace,
    profile: Profile,
    domains: &[Domain],
    others: &[&str],
) -> Result<()> {
    let kernels = domains.iter().filter_map(|domain| domain.image(workspace));
    let names: Vec<&str> = others.iter().copied().chain(kernels).collect();
    if !names.is_empty() {
        build::images(workspace, profile, &names)?;
    }
    Ok(())
}

/// dom0's ramdisk for a machine that starts with `domains`; their images must have been built.
pub(crate) fn dom0_ramdisk(
    workspace: &Workspace,
    profile: Profile,
    domains: &[Domain],
) -> Result<Archive> {
    let mut archive = Archive::default();
    for domain in domains {
        domain
            .add_to(&mut archive, workspace, profile)
            .with_context(|| domain.path.display().to_string())?;
    }
    Ok(archive)
}

fn is_app(workspace: &Workspace, name: &str) -> bool {
    workspace.root().join("apps").join(name).is_dir()
}

fn app_ramdisk(workspace: &Workspace, app: &str) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.add_folder(&workspace.root().join("apps").join(app).join("ramdisk"))?;
    Ok(archive.bytes())
}

fn apps(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace.root().join("apps"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if workspace.root().join("apps").join(&name).join(format!("{name}.cfg")).is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
