//! `cargo xtask dist`: what people install: a Debian package, an archive of the same files, the Helm chart, and sums of
//! all.
//!
//! Reproducible: times are those of the commit, names are sorted, owners are root, and paths of this machine are kept out
//! of the binary; `--twice` builds a second time elsewhere and compares. Does not know what is in `packaging/`.

mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::install::{self, Tool};
use crate::process::{cargo, root, run, target};
use tree::Tree;

const TOOLS: &[Tool] = &[
    Tool { program: "cc", package: "gcc" },
    Tool { program: "dpkg-deb", package: "dpkg" },
    Tool { program: "tar", package: "tar" },
    Tool { program: "gzip", package: "gzip" },
    Tool { program: "sha256sum", package: "coreutils" },
];

/// Options of `cargo xtask dist`.
#[derive(Args)]
pub(crate) struct Dist {
    /// Package this binary instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where packages are put; `target/dist` if it is not said.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Build all of it a second time, in another folder, and fail if a byte differs.
    #[arg(long)]
    twice: bool,
}

/// What all packages of one run share.
struct Release {
    version: String,
    architecture: String,
    /// Seconds since 1970: the commit's time.
    epoch: String,
}

impl Dist {
    /// Makes the packages and says where they are.
    pub(crate) fn run(&self) -> Result<()> {
        use std::io::Write;
        install::ensure(TOOLS)?;
        let release = Release::of_here()?;
        let to = match &self.to {
            Some(to) => to.clone(),
            None => target()?.join("dist"),
        };
        let made = release.make(&self.built("dist-build", &release)?, &to)?;
        if self.twice {
            let again = tempfile::tempdir()?;
            let second = release.make(&self.built("dist-build-again", &release)?, again.path())?;
            same(&made, &second)?;
        }
        let mut out = std::io::stdout();
        for file in made {
            writeln!(out, "{}", file.display())?;
        }
        Ok(())
    }

    /// The binary: the one that was given, or built so that it does not tell where.
    fn built(&self, folder: &str, release: &Release) -> Result<PathBuf> {
        if let Some(binary) = &self.binary {
            return Ok(binary.clone());
        }
        let folder = target()?.join(folder);
        let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|at| at + "/.cargo"))?;
        let moves = [
            (root().display().to_string(), "/portcullis"),
            (home, "/cargo"),
            (folder.display().to_string(), "/target"),
        ];
        let flags = |option: &str, by: &str| {
            let all = moves.iter().map(|(from, to)| format!("{option}{from}={to}"));
            all.collect::<Vec<_>>().join(by)
        };
        let mut build = cargo(&["build", "--locked", "--release", "-p", "portcullis-app", "--target-dir"]);
        build.arg(&folder).env("SOURCE_DATE_EPOCH", &release.epoch);
        build.env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix=", "\u{1f}"));
        build.env("CFLAGS", flags("-ffile-prefix-map=", " ")).env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
        run(&mut build)?;
        Ok(folder.join("release/portcullis"))
    }
}

impl Release {
    fn of_here() -> Result<Self> {
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => said(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))?,
        };
        let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), architecture, epoch })
    }

    /// All packages of a binary.
    fn make(&self, binary: &Path, to: &Path) -> Result<Vec<PathBuf>> {
        std::fs::create_dir_all(to)?;
        let work = tempfile::tempdir()?;
        let tree = Tree::lay(work.path(), binary, self)?;
        let name = format!("portcullis_{}_{}", self.version, self.architecture);
        let archive = to.join(format!("{name}.tar.gz"));
        self.archive(&tree.folder, ".", &archive)?;
        let package = to.join(format!("{name}.deb"));
        tree.add_control(self)?;
        let mut pack = Command::new("dpkg-deb");
        pack.args(["--root-owner-group", "-Zzstd", "-z9", "--build"]).arg(&tree.folder).arg(&package);
        run(pack.env("SOURCE_DATE_EPOCH", &self.epoch).stdout(std::process::Stdio::null()))?;
        let chart = to.join(format!("portcullis-{}.tgz", self.version));
        self.archive(&root().join("packaging/helm"), "portcullis", &chart)?;
        let files = [archive, package, chart];
        let sums = to.join("SHA256SUMS");
        let names = files.iter().filter_map(|file| file.file_name());
        std::fs::write(&sums, said(Command::new("sha256sum").current_dir(to).args(names))? + "\n")?;
        Ok(files.into_iter().chain([sums]).collect())
    }

    /// What is in a folder, as an archive that depends on nothing but that.
    fn archive(&self, folder: &Path, what: &str, to: &Path) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
        tar.arg(format!("--mtime=@{}", self.epoch)).args(["--use-compress-program=gzip -n", "-cf"]).arg(to);
        run(tar.arg("-C").arg(folder).arg(what))
    }
}

/// What a program prints.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("could not start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Fails where files of the same names differ.
fn same(first: &[PathBuf], second: &[PathBuf]) -> Result<()> {
    for (one, other) in first.iter().zip(second) {
        if std::fs::read(one)? != std::fs::read(other)? {
            bail!("{} came out differently the second time", one.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
