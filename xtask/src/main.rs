// SPDX-License-Identifier: MIT OR Apache-2.0
//! Build, run, test and measure: `cargo xtask --help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod app_config;
mod bench;
mod bochs;
mod build;
mod clean;
mod cpio;
mod debian;
mod http;
mod image;
mod lint;
mod machine;
mod machine_files;
mod progress;
mod qemu;
mod ramdisk;
mod real_xen;
mod run;
mod service;
mod session;
mod setup;
mod test;
mod workspace;

/// Everything that is done with this repository, from a fresh clone on.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Build(build::Args),
    Bench(bench::Args),
    Image(image::Args),
    Lint(lint::Args),
    Run(run::Args),
    Setup(setup::Args),
    Test(test::Args),
    Clean(clean::Args),
}

fn main() -> ExitCode {
    let verb = Cli::parse().verb;
    let result = workspace::Workspace::find().and_then(|workspace| match verb {
        Verb::Bench(args) => bench::verb(&workspace, &args),
        Verb::Build(args) => build::verb(&workspace, &args),
        Verb::Image(args) => image::verb(&workspace, &args),
        Verb::Lint(args) => lint::verb(&workspace, &args),
        Verb::Run(args) => run::verb(&workspace, &args),
        Verb::Setup(args) => setup::verb(&args),
        Verb::Test(args) => test::verb(&workspace, &args),
        Verb::Clean(args) => clean::verb(&workspace, &args),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
