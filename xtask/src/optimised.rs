//! Building what people install: cargo's release profile, paths of this machine kept out, and the compiler told by
//! measured counts which code is run how often (profile-guided optimisation).
//!
//! Invariant: what is recorded and what is built with the record are told the same but for that, because counts are
//! found again by names that depend on everything else the compiler is told.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, root, run, target};

/// What counts are for in a build.
#[derive(Clone, Copy)]
pub(crate) enum Counts<'a> {
    /// None are taken and none are used.
    None,
    /// The program writes them into this folder when it ends.
    Taken(&'a Path),
    /// The compiler goes by those in this file.
    Used(&'a Path),
}

/// Builds a package's program of the same or another name in a folder of its own, and says where it is.
pub(crate) fn build(package: &str, program: &str, folder: &Path, counts: Counts<'_>) -> Result<PathBuf> {
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|at| at + "/.cargo"))?;
    let moves = [
        (root().display().to_string(), "/portcullis"),
        (home, "/cargo"),
        (folder.display().to_string(), "/target"),
    ];
    let told =
        |option: &str| moves.iter().map(|(from, to)| format!("{option}{from}={to}")).collect::<Vec<_>>();
    let mut flags = told("--remap-path-prefix=");
    match counts {
        Counts::None => {}
        Counts::Taken(at) => flags.push(format!("-Cprofile-generate={}", at.display())),
        Counts::Used(file) => flags.push(format!("-Cprofile-use={}", file.display())),
    }
    let mut build =
        cargo(&["build", "--locked", "--release", "-p", package, "--bin", program, "--target-dir"]);
    build.arg(folder).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    build.env("CFLAGS", told("-ffile-prefix-map=").join(" ")).env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    run(&mut build)?;
    Ok(folder.join("release").join(program))
}

/// Builds a program that counts, has it do what counts, and says which file the counts are in then.
pub(crate) fn record(
    package: &str,
    program: &str,
    to: &Path,
    work: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let merge = merge()?;
    let folder = target()?.join("instrumented");
    // Always the same folder, which is part of what the compiler is told: nothing is built anew for the next record.
    let counts = folder.join(format!("counts-{program}"));
    let built = build(package, program, &folder, Counts::Taken(&counts))?;
    let _ = std::fs::remove_dir_all(&counts);
    work(&built)?;
    run(Command::new(merge).args(["merge", "--output"]).arg(to).arg(&counts))
}

/// The program that merges counts, of the compiler's own LLVM.
fn merge() -> Result<PathBuf> {
    let compiler = |arguments: &[&str]| -> Result<String> {
        let output = Command::new("rustc").args(arguments).current_dir(root()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let about = compiler(&["-vV"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let place = Path::new(&compiler(&["--print", "sysroot"])?)
        .join("lib/rustlib")
        .join(host)
        .join("bin/llvm-profdata");
    if !place.is_file() {
        // Where there is no rustup, the message below says what is missing.
        let _ = Command::new("rustup").args(["component", "add", "llvm-tools"]).current_dir(root()).status();
    }
    if !place.is_file() {
        bail!("{} is missing: `rustup component add llvm-tools`, or build without counts", place.display());
    }
    Ok(place)
}
