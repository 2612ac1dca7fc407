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
use crate::optimised::{self, Counts};
use crate::process::{root, run, target};
use crate::profile;
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
    /// Build by the counts in this file, which an earlier run or `cargo xtask profile` left, instead of recording some.
    #[arg(long, conflicts_with = "binary")]
    profile: Option<PathBuf>,
    /// Build without counts: in half the time, for a gateway that takes half as much again for each exchange.
    #[arg(long, conflicts_with_all = ["binary", "profile"])]
    no_profile: bool,
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
        std::fs::create_dir_all(&to)?;
        let counts = self.counts(&to)?;
        let mut made = release.make(&self.built("dist-build", counts.as_deref())?, &to)?;
        made.extend(counts.clone());
        if self.twice {
            let again = tempfile::tempdir()?;
            let second = release.make(&self.built("dist-build-again", counts.as_deref())?, again.path())?;
            same(&made, &second)?;
        }
        let mut out = std::io::stdout();
        for file in made {
            writeln!(out, "{}", file.display())?;
        }
        Ok(())
    }

    /// The counts to build by. They are laid beside the packages, which nobody could build again without them.
    fn counts(&self, to: &Path) -> Result<Option<PathBuf>> {
        if self.binary.is_some() || self.no_profile {
            return Ok(None);
        }
        let counts = std::path::absolute(to.join("portcullis.profdata"))?;
        match &self.profile {
            Some(given) if std::path::absolute(given)? == counts => {}
            Some(given) => {
                std::fs::copy(given, &counts).with_context(|| format!("cannot read {}", given.display()))?;
            }
            None => profile::record(&counts)?,
        }
        Ok(Some(counts))
    }

    /// The binary: the one that was given, or built so that it does not tell where.
    fn built(&self, folder: &str, counts: Option<&Path>) -> Result<PathBuf> {
        match &self.binary {
            Some(binary) => Ok(binary.clone()),
            None => optimised::build(
                "portcullis-app",
                "portcullis",
                &target()?.join(folder),
                counts.map_or(Counts::None, Counts::Used),
            ),
        }
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
