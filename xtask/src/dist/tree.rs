//! The files of a package, laid out as they are installed.
//!
//! Knows Debian's places; modes are set, owners are the packer's business.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Release, said};
use crate::process::{root, run};

/// Where the service's files come from and go to.
const FILES: &[(&str, &str)] = &[
    ("packaging/systemd/portcullis.service", "usr/lib/systemd/system/portcullis.service"),
    ("packaging/systemd/portcullis.sysusers", "usr/lib/sysusers.d/portcullis.conf"),
    ("packaging/debian/portcullis.yaml", "etc/portcullis/portcullis.yaml"),
    ("packaging/debian/copyright", "usr/share/doc/portcullis/copyright"),
    ("README.md", "usr/share/doc/portcullis/README.md"),
    ("CHANGELOG.md", "usr/share/doc/portcullis/changelog"),
    ("ops/portcullis.rules.yaml", "usr/share/portcullis/portcullis.rules.yaml"),
    ("ops/grafana-dashboard.json", "usr/share/portcullis/grafana-dashboard.json"),
];
const DOCUMENTS: &str = "usr/share/doc/portcullis";
const MANUAL: &str = "usr/share/man/man1";
/// What each shell calls the file with its completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/portcullis"),
    ("zsh", "usr/share/zsh/vendor-completions/_portcullis"),
    ("fish", "usr/share/fish/vendor_completions.d/portcullis.fish"),
];
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// A folder that holds what `/` will.
pub(super) struct Tree {
    pub(super) folder: PathBuf,
}

impl Tree {
    /// Everything but what the packer needs to know.
    pub(super) fn lay(work: &Path, binary: &Path, release: &Release) -> Result<Self> {
        let tree = Self { folder: work.join("tree") };
        let program = tree.place("usr/bin/portcullis")?;
        std::fs::copy(binary, &program).with_context(|| format!("no binary {}", binary.display()))?;
        set_mode(&program, 0o755)?;
        for (from, to) in FILES {
            tree.copy(&root().join(from), to)?;
        }
        for entry in std::fs::read_dir(root().join("docs"))? {
            let from = entry?.path();
            let name = from.file_name().and_then(|name| name.to_str()).context("a document's name")?;
            tree.copy(&from, &format!("{DOCUMENTS}/{name}"))?;
        }
        for (shell, to) in COMPLETIONS {
            let script = said(Command::new(&program).args(["completions", shell]))? + "\n";
            tree.write(to, script.as_bytes())?;
        }
        tree.manual(&program)?;
        // What the gateway writes is not in /etc; the policy's defaults say `data/…`.
        symlink("/var/lib/portcullis", tree.folder.join("etc/portcullis/data"))?;
        tree.date(release)?;
        Ok(tree)
    }

    fn manual(&self, program: &Path) -> Result<()> {
        let folder = self.folder.join(MANUAL);
        std::fs::create_dir_all(&folder)?;
        run(Command::new(program).arg("man").arg(&folder).stdout(std::process::Stdio::null()))?;
        for entry in std::fs::read_dir(&folder)? {
            let page = entry?.path();
            set_mode(&page, 0o644)?;
            run(Command::new("gzip").args(["-n", "-9"]).arg(&page))?;
        }
        Ok(())
    }

    /// Debian's `DEBIAN` folder.
    pub(super) fn add_control(&self, release: &Release) -> Result<()> {
        let libc = said(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libc6"]))?;
        let libc = libc.split('-').next().unwrap_or_default();
        let size = said(Command::new("du").args(["-sk", "--apparent-size"]).arg(&self.folder))?;
        let size = size.split_whitespace().next().unwrap_or_default();
        let text = std::fs::read_to_string(root().join("packaging/debian/control"))?;
        let text = text
            .replace("VERSION", &release.version)
            .replace("ARCHITECTURE", &release.architecture)
            .replace("LIBC", libc)
            .replace("SIZE", size);
        self.write("DEBIAN/control", text.as_bytes())?;
        self.write("DEBIAN/conffiles", b"/etc/portcullis/portcullis.yaml\n")?;
        for script in SCRIPTS {
            let to = format!("DEBIAN/{script}");
            self.copy(&root().join("packaging/debian").join(script), &to)?;
            set_mode(&self.folder.join(&to), 0o755)?;
        }
        self.date(release)
    }

    fn copy(&self, from: &Path, to: &str) -> Result<()> {
        let content = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.write(to, &content)
    }

    fn write(&self, to: &str, content: &[u8]) -> Result<()> {
        let place = self.place(to)?;
        std::fs::write(&place, content)?;
        set_mode(&place, 0o644)
    }

    /// A file's place; folders on the way have the mode they are installed with.
    fn place(&self, to: &str) -> Result<PathBuf> {
        let place = self.folder.join(to);
        let folder = place.parent().context("files lie in folders")?;
        std::fs::create_dir_all(folder)?;
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.folder)) {
            set_mode(folder, 0o755)?;
        }
        Ok(place)
    }

    /// Gives everything the release's time.
    fn date(&self, release: &Release) -> Result<()> {
        let time = format!("--date=@{}", release.epoch);
        run(Command::new("find").arg(&self.folder).args([
            "-exec",
            "touch",
            "--no-dereference",
            &time,
            "{}",
            "+",
        ]))
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}
