// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where things are: the repository, its packages, and the directories that a build fills.
use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Cmd, Shell, cmd};

/// The target that every image is built for; also the host's.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The repository that xtask works on.
pub(crate) struct Workspace {
    shell: Shell,
    root: PathBuf,
    /// Images that this process has built.
    built: RefCell<BTreeSet<PathBuf>>,
}

/// A package of the workspace.
pub(crate) struct Package {
    /// Its name in Cargo.toml.
    pub(crate) name: String,
    /// Its folder, relative to the repository.
    pub(crate) dir: PathBuf,
    /// Its binaries.
    pub(crate) bins: Vec<String>,
    /// The workspace's packages that it depends on, not for its tests alone.
    pub(crate) imports: Vec<String>,
}

impl Package {
    /// Whether `name` is this package or one of its binaries.
    pub(crate) fn makes(&self, name: &str) -> bool {
        self.name == name || self.bins.iter().any(|bin| bin == name)
    }
}

impl Workspace {
    /// The repository that this xtask belongs to.
    pub(crate) fn find() -> Result<Self> {
        let manifest_dir =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest_dir).join("..").canonicalize().with_context(|| {
            format!("{} is gone: run cargo xtask inside the repository", manifest_dir.display())
        })?;
        let shell = Shell::new()?;
        shell.change_dir(&root);
        Ok(Self { shell, root, built: RefCell::default() })
    }

    /// The folder of the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A shell whose working directory is the repository.
    pub(crate) fn shell(&self) -> &Shell {
        &self.shell
    }

    /// Whether this process has built the image at `path`: sources are looked at once.
    pub(crate) fn has_built(&self, path: &Path) -> bool {
        self.built.borrow().contains(path)
    }

    /// This process has built the images at `paths`.
    pub(crate) fn remember(&self, paths: &[PathBuf]) {
        self.built.borrow_mut().extend(paths.iter().cloned());
    }

    /// Where builds go.
    pub(crate) fn target_dir(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Cargo, without the flags that the caller's environment may carry for host builds.
    pub(crate) fn cargo(&self) -> Cmd<'_> {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        cmd!(self.shell, "{cargo}")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET")
    }

    /// All packages, as cargo sees them.
    pub(crate) fn packages(&self) -> Result<Vec<Package>> {
        let json = self
            .cargo()
            .args(["metadata", "--no-deps", "--format-version=1", "--quiet"])
            .quiet()
            .ignore_stderr()
            .read()
            .context("cargo metadata failed: try `cargo check` to see why")?;
        let metadata: Value = serde_json::from_str(&json)?;
        Ok(array(&metadata["packages"]).map(|package| self.package(package)).collect())
    }

    fn package(&self, package: &Value) -> Package {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let dir = manifest.parent().unwrap_or(manifest);
        Package {
            name: text(&package["name"]),
            dir: dir.strip_prefix(&self.root).unwrap_or(dir).to_path_buf(),
            bins: array(&package["targets"])
                .filter(|target| array(&target["kind"]).any(|kind| kind == "bin"))
                .map(|target| text(&target["name"]))
                .collect(),
            imports: array(&package["dependencies"])
                .filter(|dependency| dependency["kind"] != "dev" && !dependency["path"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect(),
        }
    }
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
