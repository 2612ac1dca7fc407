//! A program that takes commands on its standard input and answers when it has done what it was told, so that what
//! it used in between can be measured, or counted by callgrind.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// A running program; it ends when its input does.
pub(super) struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts it and waits until it is ready.
    pub(super) fn start(arguments: &[&str]) -> Result<Self> {
        let (program, arguments) = arguments.split_first().context("no program")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {program}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output to read")?);
        let mut driver = Self { child, input, output };
        let ready = driver.line()?;
        if ready != "ready" {
            bail!("{program} is not ready: {ready}");
        }
        Ok(driver)
    }

    /// The same under callgrind, which counts inside `measured_request` and writes to `out` at the end.
    pub(super) fn start_counted(arguments: &[&str], out: &str) -> Result<Self> {
        let file = format!("--callgrind-out-file={out}");
        let tool = ["valgrind", "--quiet", "--tool=callgrind", "--toggle-collect=*measured_request*", &file];
        let arguments: Vec<&str> = tool.into_iter().chain(arguments.iter().copied()).collect();
        Self::start(&arguments)
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it answers a command.
    pub(super) fn say(&mut self, command: &str) -> Result<String> {
        let input = self.input.as_mut().context("its input is open")?;
        writeln!(input, "{command}")?;
        input.flush()?;
        self.line()
    }

    /// Has it end by itself.
    pub(super) fn end(mut self) -> Result<()> {
        self.input.take();
        self.child.wait()?;
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.input.take();
        // It ends by itself once it has read the end; one that is stuck must not outlive the bench.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The instructions in a file that callgrind wrote.
pub(super) fn callgrind_total(out: &str) -> Result<f64> {
    let text = std::fs::read_to_string(out)?;
    let total =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    total.and_then(|count| count.trim().parse().ok()).context("callgrind wrote no total")
}
