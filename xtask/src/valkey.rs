//! A Valkey server for the tests: what is installed, else Debian's package unpacked beside what cargo builds.
//!
//! Where the release has none, its backports do. They are looked at with a list of their own, and nothing of the
//! machine is changed: no source is added, nothing installed or started. Where none is to be had the tests that want
//! one say that they were skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{is_installed, run, target};

/// The packages that hold the server: the second has its program under another name.
const PACKAGES: [&str; 2] = ["valkey-server", "valkey-tools"];
/// What Debian signs its releases with.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The server's program.
const PROGRAM: &str = "valkey-server";

/// The server's program, if there is one or one can be had.
pub(crate) fn server() -> Option<PathBuf> {
    if is_installed(PROGRAM) {
        return Some(PROGRAM.into());
    }
    match unpacked() {
        Ok(program) => Some(program),
        Err(why) => {
            use std::io::Write;
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "no Valkey server to test with: {why:#}");
            None
        }
    }
}

/// The program in a folder of its own, unpacked there unless it is already; it must run on this machine.
fn unpacked() -> Result<PathBuf> {
    let folder = target()?.join("valkey");
    let program = folder.join("usr/bin").join(PROGRAM);
    if !program.exists() {
        fetch(&folder)?;
    }
    let mut version = Command::new(&program);
    run(version.arg("--version").stdout(Stdio::null())).context("it lacks a library of this machine")?;
    Ok(program)
}

/// Fetches the package with lists and a cache below `folder`, and unpacks it there.
fn fetch(folder: &Path) -> Result<()> {
    if !is_installed("apt-get") {
        bail!("this is not Debian");
    }
    for part in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let sources = folder.join("debian.list");
    std::fs::write(&sources, backports(&targets()?).context("the machine names no Debian release")?)?;
    run(apt(folder).args(["update", "-qq"]))?;
    run(apt(folder).args(["download", "-qq"]).args(PACKAGES).current_dir(folder).stderr(Stdio::null()))?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(path).arg(folder))?;
        }
    }
    Ok(())
}

/// Where the machine has its packages from: `URI CODENAME COMPONENT` a line.
fn targets() -> Result<String> {
    let told = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)"])
        .arg("Created-By: Packages")
        .output()?;
    Ok(String::from_utf8_lossy(&told.stdout).into_owned())
}

/// Sources of the release and of its backports, at the machine's own mirror of the release.
fn backports(targets: &str) -> Option<String> {
    let signed = if Path::new(KEYS).is_file() { format!("[signed-by={KEYS}] ") } else { String::new() };
    targets.lines().find_map(|line| {
        let [uri, release, "main"] = line.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        // Updates and what is about security are not the release.
        (!release.contains(['-', '/'])).then(|| {
            ["", "-backports"].map(|more| format!("deb {signed}{uri} {release}{more} main\n")).concat()
        })
    })
}

/// `apt-get` that knows only of what stands below `folder`.
fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    for (key, file) in [("Etc::sourcelist", "debian.list"), ("State::lists", "lists"), ("Cache", "cache")] {
        command.args(["-o", &format!("Dir::{key}={}", folder.join(file).display())]);
    }
    command.args(["-o", "Dir::Etc::sourceparts=-"]).stdout(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::backports;

    #[test]
    fn backports_are_asked_of_the_mirror_that_the_release_is_from() {
        let told = "http://mirror.test/security bookworm-security main\n\
                    http://mirror.test/debian bookworm-updates main\n\
                    http://mirror.test/debian bookworm contrib\n\
                    http://mirror.test/debian bookworm main\n";
        let sources = backports(told).expect("there is a release");
        let lines: Vec<&str> = sources.lines().collect();
        assert_eq!(lines.len(), 2, "{sources}");
        assert!(lines[0].ends_with("http://mirror.test/debian bookworm main"), "{sources}");
        assert!(lines[1].ends_with("http://mirror.test/debian bookworm-backports main"), "{sources}");
        assert_eq!(backports("http://mirror.test/security bookworm-security main"), None);
    }
}
