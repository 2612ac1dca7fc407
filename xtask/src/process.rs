//! Running other programs: cargo, Debian's tools, the gateway and its peers.
//!
//! A child started here is stopped by its handle when that is dropped; nothing is ever found or killed by name.
//! A child is first asked to end, so that one with children of its own (nginx) takes them along.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a child that was asked to end may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(3);

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where cargo puts what it builds, wherever the environment or cargo's configuration moved that.
pub(crate) fn target() -> Result<PathBuf> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` did not answer")?;
    let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(target.context("`cargo metadata` names no target directory")?.into())
}

/// A `cargo` command in the repository's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end; fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// The same program, asked by the system to end when this process is gone, however that came about.
///
/// Output must be pointed somewhere after this: a `Command` does not say where it points.
pub(crate) fn tied(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
    tied
}

/// Whether a program is on the `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// A child process that is stopped when this is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Starts a command whose output goes where the caller pointed it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child =
            command.stdin(Stdio::null()).spawn().with_context(|| format!("could not start {command:?}"))?;
        Ok(Self { child })
    }

    /// Starts a command and reads its first line of output that `wanted` accepts.
    pub(crate) fn start_and_read<T>(
        command: &mut Command,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Self, T)> {
        let mut running = Self::start(command.stdout(Stdio::piped()))?;
        let output = running.child.stdout.take().context("no output to read")?;
        let mut lines = BufReader::new(output).lines();
        for line in &mut lines {
            if let Some(found) = wanted(&line?) {
                // Keep draining, so that the child never blocks on a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((running, found));
            }
        }
        bail!("{command:?} ended before it said what was awaited");
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> Result<()> {
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        anyhow::ensure!(asked.success(), "process {} was gone before it was asked to end", self.id());
        Ok(())
    }

    /// Whether it ended within the time that is allowed for that.
    fn ends(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once its status was read, the id may be another's.
        if matches!(self.child.try_wait(), Ok(None)) && self.ask_to_end().is_ok() && self.ends() {
            return;
        }
        // Already gone is as good as stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
