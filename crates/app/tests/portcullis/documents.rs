//! The guides under `docs/`: every `$` line in them is run, in order, in a folder of its own.
//!
//! Fences: ```` ```yaml file=NAME ```` writes that file, ```` ```console ```` runs its `$` lines in one shell each. The
//! site's address and the gateway's are replaced by free ones.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{BINARY, Site, get};

/// A guide's folder, and what it left running.
struct Walk {
    folder: tempfile::TempDir,
    site: Site,
    gateway: std::net::SocketAddr,
    background: Vec<Child>,
}

impl Drop for Walk {
    fn drop(&mut self) {
        for child in &mut self.background {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Walk {
    fn begin() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let gateway = free.local_addr().expect("bound");
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            site: Site::start(),
            gateway,
            background: Vec::new(),
        }
    }

    fn local(&self, text: &str) -> String {
        text.replace("127.0.0.1:9000", &self.site.address.to_string())
            .replace("127.0.0.1:8080", &self.gateway.to_string())
    }

    fn write(&self, name: &str, text: &str) {
        let aside = self.folder.path().join("aside");
        std::fs::write(&aside, self.local(text)).expect("written");
        std::fs::rename(aside, self.folder.path().join(name)).expect("in place");
    }

    fn run(&mut self, line: &str) {
        let command = self.local(line);
        let mut shell = Command::new("sh");
        let path = format!(
            "{}:{}",
            Path::new(BINARY).parent().expect("a folder").display(),
            std::env::var("PATH").expect("set")
        );
        shell.current_dir(self.folder.path()).env("PATH", path).stdin(Stdio::null());
        if let Some(command) = command.strip_suffix(" &") {
            let child = shell
                .args(["-c", &format!("exec {command}")])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            self.background.push(child.expect("starts"));
            while get(self.gateway, "/").is_err() {
                let last = self.background.last_mut().expect("just pushed");
                assert!(last.try_wait().expect("known").is_none(), "`{line}` ended at once");
                std::thread::yield_now();
            }
            return;
        }
        let output = shell.args(["-c", &command]).output().expect("runs");
        assert!(
            output.status.success(),
            "`{line}` failed ({}):\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn follow(guide: &Path) -> usize {
    let text = std::fs::read_to_string(guide).expect("readable");
    let mut walk = Walk::begin();
    let mut ran = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, name)) = fence.split_once("file=") {
            walk.write(name, &(block.join("\n") + "\n"));
        } else if fence == "console" {
            for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                walk.run(command);
                ran += 1;
            }
        }
    }
    ran
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

#[test]
fn every_command_of_the_guides_works() {
    for (guide, at_least) in [
        ("install.md", 2),
        ("first-site.md", 15),
        ("content-filter.md", 5),
        ("findings.md", 3),
        ("discover.md", 5),
        ("migrating.md", 8),
    ] {
        let ran = follow(&docs().join(guide));
        assert!(ran >= at_least, "{guide}: only {ran} commands found");
    }
}
