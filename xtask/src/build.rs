// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask build`: the images, linked, checked, with their symbol tables.
//!
//! An image is a binary of a package under `hv/`, `apps/` or `tests/`. The prebuilt `core` and
//! `alloc` of the host target serve, so no component has to be installed. The flags are given by
//! `--config` and with `--target`, so that build scripts and host tests never see them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::{Package, TARGET, Workspace};

mod finish;
mod red_zone;
mod relocations;
mod section_headers;
mod strip;
mod symbol_table;
pub(crate) use finish::check;

/// Build the images: the hypervisor, the apps and the test guests.
///
/// The finished images are in target/images/PROFILE; those with debug information (for gdb) in
/// target/bare*/x86_64-unknown-linux-gnu/PROFILE.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Packages to build, for example `hv dom0 httpd` [default: all with images]
    packages: Vec<String>,
    /// With or without assertions, overflow checks and hv's audit hypercall
    #[arg(long, value_enum, default_value_t = Profile::Image)]
    profile: Profile,
}

/// How an image is compiled: the cargo profiles of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// What is shipped
    Image,
    /// With assertions, overflow checks and hv's audit hypercall
    ImageDebug,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Image => "image",
            Profile::ImageDebug => "image-debug",
        }
    }
}

pub(crate) fn verb(workspace: &Workspace, args: &Args) -> Result<()> {
    let names: Vec<&str> = args.packages.iter().map(String::as_str).collect();
    for path in images(workspace, args.profile, &names)? {
        let file_bytes = std::fs::metadata(&path)?.len();
        let shown = path.strip_prefix(workspace.root()).unwrap_or(&path);
        println!("{:>7} KiB  {}", file_bytes.div_ceil(1024), shown.display());
    }
    Ok(())
}

/// Builds the images `names`, which are packages or binaries (all packages where empty), unless this
/// process has done so before, and returns the finished files.
pub(crate) fn images(
    workspace: &Workspace,
    profile: Profile,
    names: &[&str],
) -> Result<Vec<PathBuf>> {
    let mut packages = workspace.packages()?;
    packages.retain(has_images);
    if let Some(unknown) = names.iter().find(|name| packages.iter().all(|p| !p.makes(name))) {
        let known: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        bail!("no package `{unknown}` has an image: choose from {}", known.join(", "));
    }
    packages.retain(|package| names.is_empty() || names.iter().any(|name| package.makes(name)));
    for package in &mut packages {
        let whole = names.is_empty() || names.contains(&package.name.as_str());
        package.bins.retain(|bin| whole || names.contains(&bin.as_str()));
    }
    let path = |bin: &String| finished(workspace, profile, bin);
    let paths: Vec<PathBuf> = packages.iter().flat_map(|package| &package.bins).map(path).collect();
    for package in &mut packages {
        package.bins.retain(|bin| !workspace.has_built(&path(bin)));
    }
    packages.retain(|package| !package.bins.is_empty());
    let (hv, guests): (Vec<Package>, Vec<Package>) =
        packages.into_iter().partition(|package| Kind::of(package) == Kind::Hypervisor);
    for (kind, packages) in [(Kind::Hypervisor, hv), (Kind::Guest, guests)] {
        if !packages.is_empty() {
            kind.build(workspace, profile, &packages)?;
        }
    }
    workspace.remember(&paths);
    Ok(paths)
}

/// Where the finished image `name` is after a build.
pub(crate) fn finished(workspace: &Workspace, profile: Profile, name: &str) -> PathBuf {
    workspace.target_dir().join("images").join(profile.name()).join(name)
}

/// Those images of `packages` that a build left as the linker wrote them.
pub(crate) fn linked(
    workspace: &Workspace,
    profile: Profile,
    packages: &[Package],
) -> Vec<PathBuf> {
    let with_images = packages.iter().filter(|package| has_images(package));
    let paths = with_images.flat_map(|package| {
        let folder = Kind::of(package).linked_dir(workspace, profile);
        package.bins.iter().map(move |bin| folder.join(bin))
    });
    paths.filter(|path| path.is_file()).collect()
}

fn has_images(package: &Package) -> bool {
    !package.bins.is_empty()
        && ["hv", "apps", "tests"].iter().any(|folder| package.dir.starts_with(folder))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hypervisor,
    Guest,
}

impl Kind {
    fn of(package: &Package) -> Self {
        if package.dir.starts_with("hv") { Kind::Hypervisor } else { Kind::Guest }
    }

    /// Cargo's folder for builds with the flags of this kind.
    fn target_dir(self, workspace: &Workspace) -> PathBuf {
        workspace.target_dir().join(match self {
            Kind::Hypervisor => "bare-hv",
            Kind::Guest => "bare",
        })
    }

    /// Where the linker puts images.
    fn linked_dir(self, workspace: &Workspace, profile: Profile) -> PathBuf {
        self.target_dir(workspace).join(TARGET).join(profile.name())
    }

    fn build(self, workspace: &Workspace, profile: Profile, packages: &[Package]) -> Result<()> {
        let name = profile.name();
        let config = self.config();
        let mut cargo = workspace.cargo().args(["build", "--target", TARGET, "--profile", name]);
        cargo =
            cargo.arg("--target-dir").arg(self.target_dir(workspace)).arg("--config").arg(config);
        for package in packages {
            cargo = cargo.arg("--package").arg(&package.name);
            cargo = package.bins.iter().fold(cargo, |cargo, bin| cargo.arg("--bin").arg(bin));
        }
        if cargo.quiet().run().is_err() {
            bail!("the build failed: the compiler says above why");
        }
        let linked_dir = self.linked_dir(workspace, profile);
        for bin in packages.iter().flat_map(|package| &package.bins) {
            finish::finish(&linked_dir.join(bin), &finished(workspace, profile, bin))
                .with_context(|| format!("the image of {bin} is not usable"))?;
        }
        Ok(())
    }

    /// The value of cargo's `--config` that carries the compiler's flags.
    fn config(self) -> String {
        let flags: Vec<String> = self.rust_flags().iter().map(|flag| format!("{flag:?}")).collect();
        format!("target.{TARGET}.rustflags=[{}]", flags.join(","))
    }

    fn rust_flags(self) -> Vec<String> {
        let (model, link_kind) = match self {
            // In the high half nothing but position independent code links; it stays where the
            // linker script puts it all the same.
            Kind::Hypervisor => ("-Crelocation-model=pic", "-Clink-arg=--no-pie"),
            Kind::Guest => ("-Crelocation-model=static", "-Clink-arg=-static"),
        };
        let mut flags: Vec<String> = [
            "--cfg=bare",
            model,
            link_kind,
            "-Cno-redzone=yes",
            "-Cforce-frame-pointers=yes",
            "-Clinker=rust-lld",
            "-Clinker-flavor=ld.lld",
            "-Clink-arg=--gc-sections",
            "-Clink-arg=-zmax-page-size=4096",
            "-Clink-arg=--build-id=none",
            "-Clink-arg=--no-eh-frame-hdr",
        ]
        .map(str::to_owned)
        .into();
        if matches!(self, Kind::Hypervisor) {
            // A fifteenth smaller, and hypercalls take the same within 4 %.
            flags.push("-Cllvm-args=-inline-threshold=180".to_owned());
        }
        // Panic messages name source files: shorter, and the same on every machine.
        if let Some(registry) = cargo_home().map(|home| home.join("registry").join("src")) {
            flags.push(format!("--remap-path-prefix={}=crates", registry.display()));
        }
        flags
    }
}

fn cargo_home() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))
}
