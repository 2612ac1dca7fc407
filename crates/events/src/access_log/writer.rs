//! The thread that writes the access log.
//!
//! Invariants: the lock is held to swap buffers, never while writing; where writing fails what it holds is kept and
//! tried again, so that after a full disk no line begins in the middle of another.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{LogTarget, Shared};

/// How long lines come together before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// Between two tries of what failed, and between two looks whether the file was moved away.
const PAUSE: Duration = Duration::from_secs(1);

/// Where lines go now.
enum Sink {
    Stdout,
    Stderr,
    File(File, PathBuf),
}

/// What a round is to do.
enum Order {
    Write(LogTarget),
    /// The log was switched off.
    Forget,
    End,
}

/// What the thread holds from one round to the next.
struct Writer<'a> {
    shared: &'a Shared,
    sink: Option<Sink>,
    /// What was opened last.
    opened: Option<LogTarget>,
    /// Lines being written, and how far they are.
    lines: Vec<u8>,
    done: usize,
    count: u64,
    /// The order the sink was opened for.
    order: u64,
    looked: Instant,
}

/// Writes until the log ends.
pub(super) fn run(shared: &Shared) {
    let looked = Instant::now();
    let mut writer =
        Writer { shared, sink: None, opened: None, lines: Vec::new(), done: 0, count: 0, order: 0, looked };
    loop {
        match writer.take() {
            Order::End => return writer.say_what_is_lost(),
            Order::Forget => writer.finish(0),
            Order::Write(target) => match writer.write(&target) {
                Ok(()) => writer.succeed(),
                Err(error) => writer.fail(&target, &error),
            },
        }
    }
}

impl Writer<'_> {
    /// Waits for something to do, and takes what waits unless earlier lines are still to be written.
    fn take(&mut self) -> Order {
        let shared = self.shared;
        let mut waiting = shared.waiting.lock();
        let is_stuck = !self.lines.is_empty();
        if waiting.orders == self.order && !waiting.is_ending {
            if is_stuck {
                shared.wake.wait_for(&mut waiting, PAUSE);
            } else if waiting.lines.is_empty() && waiting.earlier.is_none() {
                shared.wake.wait(&mut waiting);
            }
        }
        if !is_stuck && !waiting.is_ending && !waiting.lines.is_empty() {
            shared.wake.wait_for(&mut waiting, GATHER);
        }
        if waiting.is_ending && (is_stuck || (waiting.lines.is_empty() && waiting.earlier.is_none())) {
            waiting.is_running = false;
            return Order::End;
        }
        if !is_stuck && let Some(earlier) = waiting.earlier.take() {
            (self.lines, self.count) = (earlier.lines, earlier.count);
            waiting.is_writing = true;
            return Order::Write(earlier.target);
        }
        if !is_stuck {
            std::mem::swap(&mut self.lines, &mut waiting.lines);
            self.count = std::mem::take(&mut waiting.count);
            waiting.is_writing = !self.lines.is_empty();
        }
        if waiting.orders != self.order {
            self.order = waiting.orders;
            self.close();
        }
        waiting.target.clone().map_or(Order::Forget, Order::Write)
    }

    fn write(&mut self, target: &LogTarget) -> io::Result<()> {
        self.look_after(target)?;
        let Some(sink) = &mut self.sink else { return Ok(()) };
        while let Some(rest) = self.lines.get(self.done..).filter(|rest| !rest.is_empty()) {
            let written = match sink {
                Sink::Stdout => io::stdout().lock().write(rest),
                Sink::Stderr => io::stderr().lock().write(rest),
                Sink::File(file, _) => file.write(rest),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if matches!(sink, Sink::Stdout) { io::stdout().lock().flush() } else { Ok(()) }
    }

    /// Opens the target, where it is not open or the file is no longer the one of that name.
    fn look_after(&mut self, target: &LogTarget) -> io::Result<()> {
        if self.opened.as_ref() != Some(target) {
            self.close();
        }
        if self.looked.elapsed() >= PAUSE
            && let Some(Sink::File(file, path)) = &self.sink
        {
            self.looked = Instant::now();
            if !is_at(file, path) {
                self.close();
            }
        }
        if self.sink.is_none() {
            self.sink = Some(open(target)?);
            self.opened = Some(target.clone());
            self.looked = Instant::now();
        }
        Ok(())
    }

    /// Closes the sink; a line that was cut there does not go on at the beginning of the next one.
    fn close(&mut self) {
        self.sink = None;
        if self.done > 0 && self.lines.get(self.done - 1) != Some(&b'\n') {
            let rest = self.lines.get(self.done..).unwrap_or_default();
            self.done += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        }
    }

    fn succeed(&mut self) {
        if self.shared.failing.lock().take().is_some() {
            tracing::info!("the access log is written again");
        }
        self.finish(self.count);
    }

    /// What was held is dealt with.
    fn finish(&mut self, written: u64) {
        self.shared.written.fetch_add(written, Ordering::Relaxed);
        self.lines.clear();
        (self.done, self.count) = (0, 0);
        self.shared.waiting.lock().is_writing = false;
        self.shared.written_out.notify_all();
    }

    fn fail(&mut self, target: &LogTarget, error: &io::Error) {
        // On a full disk the file is as good as it was; what is broken otherwise is opened anew.
        if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            self.sink = None;
        }
        let first = self.shared.failing.lock().replace(error.to_string()).is_none();
        if first {
            tracing::warn!(%error, to = %name(target), "the access log cannot be written; it is tried again");
        }
        self.shared.written_out.notify_all();
    }

    fn say_what_is_lost(&self) {
        if self.count > 0 {
            tracing::warn!(lost = self.count, "the last lines of the access log cannot be written");
        }
    }
}

fn open(target: &LogTarget) -> io::Result<Sink> {
    Ok(match target {
        LogTarget::Stdout => Sink::Stdout,
        LogTarget::Stderr => Sink::Stderr,
        LogTarget::File(path) => {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            Sink::File(OpenOptions::new().create(true).append(true).open(path)?, path.clone())
        }
    })
}

/// Whether an open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn name(target: &LogTarget) -> String {
    match target {
        LogTarget::Stdout => "stdout".to_owned(),
        LogTarget::Stderr => "stderr".to_owned(),
        LogTarget::File(path) => path.display().to_string(),
    }
}
