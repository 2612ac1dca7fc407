//! The access log: a line for every exchange, in a file or on a standard stream.
//!
//! Invariants: nothing here waits for the disk: lines go into a buffer of bounded size that one thread empties, and a
//! line there is no room for is counted and dropped; a line is written whole or not at all, as far as that is ours to
//! say; what a line says has been redacted as its event was. Deliberately absent: rotation itself: a file that was
//! moved away or removed is opened anew, by itself and at every reload.

mod format;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};
use portcullis_model::Event;
use serde::{Deserialize, Serialize};

pub use format::LineFormat;

/// How long the end waits for what cannot be written, such as a pipe that nobody reads.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is logged where.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLogConfig {
    /// Where lines go.
    pub to: LogTarget,
    /// How a line reads.
    pub format: LineFormat,
    /// Bytes of lines that may wait to be written.
    pub buffer: usize,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
    /// The end of a file; it and its folder are made if absent.
    File(PathBuf),
}

/// Counts since the start, and how writing goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLogFigures {
    /// Lines written.
    pub written: u64,
    /// Lines lost because too much waited.
    pub dropped: u64,
    /// Why nothing can be written, while that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// The log of a recorder.
#[derive(Debug, Default)]
pub(crate) struct AccessLog(Arc<Shared>);

/// What the hot path and the writing thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Whether lines are wanted at all.
    on: AtomicBool,
    /// The format, and the order it came with.
    format: RwLock<(u64, LineFormat)>,
    waiting: Mutex<Waiting>,
    /// The writing thread waits on this one.
    wake: Condvar,
    /// Whoever wants everything written waits on this one.
    written_out: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
    failing: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    count: u64,
    room: usize,
    target: Option<LogTarget>,
    /// Lines that were waiting when another target or format came.
    earlier: Option<Earlier>,
    /// Counts orders to open the target anew.
    orders: u64,
    /// Whether the thread runs, and whether it holds lines that are not written.
    is_running: bool,
    is_writing: bool,
    is_ending: bool,
}

/// Lines of a target that has changed since.
#[derive(Debug)]
struct Earlier {
    target: LogTarget,
    lines: Vec<u8>,
    count: u64,
}

impl AccessLog {
    /// Goes on like this from now on; the file is opened anew, whether it is another one or not.
    pub(crate) fn configure(&self, config: Option<&AccessLogConfig>) -> std::io::Result<()> {
        let shared = &self.0;
        let mut waiting = shared.waiting.lock();
        let order = waiting.orders + 1;
        if let Some(config) = config {
            let mut format = shared.format.write();
            if format.1 != config.format || waiting.target.as_ref() != Some(&config.to) {
                shared.dropped.fetch_add(waiting.set_aside(), Ordering::Relaxed);
            }
            *format = (order, config.format.clone());
            waiting.room = config.buffer;
            if !waiting.is_running {
                let running = Arc::clone(shared);
                std::thread::Builder::new()
                    .name("portcullis-access".to_owned())
                    .spawn(move || writer::run(&running))?;
                waiting.is_running = true;
            }
        }
        waiting.target = config.map(|config| config.to.clone());
        waiting.orders = order;
        shared.on.store(config.is_some(), Ordering::Relaxed);
        drop(waiting);
        shared.wake.notify_one();
        Ok(())
    }

    /// Whether every exchange's event is needed for a line.
    pub(crate) fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// Adds an exchange's line, if there is room for it. Progress is not logged: the last word is.
    pub(crate) fn add(&self, event: &Event) {
        if !self.is_on() || event.progress.is_some() {
            return;
        }
        let (order, mut line) = self.0.line(event);
        let mut waiting = self.0.waiting.lock();
        if waiting.orders != order {
            // Another format came meanwhile.
            line = self.0.line(event).1;
        }
        if waiting.lines.len() + line.len() > waiting.room {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line.as_bytes());
        waiting.count += 1;
        drop(waiting);
        if was_empty {
            self.0.wake.notify_one();
        }
    }

    /// Counts, if there is a log.
    pub(crate) fn figures(&self) -> Option<AccessLogFigures> {
        let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let (written, dropped) = (count(&self.0.written), count(&self.0.dropped));
        let failing = self.0.failing.lock().clone();
        (self.is_on() || written + dropped > 0).then_some(AccessLogFigures { written, dropped, failing })
    }

    /// Waits until what was added is written, or cannot be.
    pub(crate) fn flush(&self) {
        let until = std::time::Instant::now() + FAREWELL;
        let mut waiting = self.0.waiting.lock();
        while waiting.is_running && !waiting.is_written() {
            if self.0.failing.lock().is_some() {
                return;
            }
            if self.0.written_out.wait_until(&mut waiting, until).timed_out() {
                return;
            }
        }
    }

    /// Writes what waits and ends.
    pub(crate) fn end(&self) {
        self.flush();
        self.0.waiting.lock().is_ending = true;
        self.0.wake.notify_one();
    }
}

impl Shared {
    /// An exchange's line, and the order whose format it has.
    fn line(&self, event: &Event) -> (u64, String) {
        let format = self.format.read();
        (format.0, format.1.line(event))
    }
}

impl Waiting {
    /// Keeps what waits for the target it was meant for. Answers how many lines there is no room for.
    fn set_aside(&mut self) -> u64 {
        let (lines, count) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.count));
        match (&self.target, &self.earlier) {
            (Some(target), None) if count > 0 => {
                self.earlier = Some(Earlier { target: target.clone(), lines, count });
                0
            }
            _ => count,
        }
    }

    fn is_written(&self) -> bool {
        !self.is_writing && self.lines.is_empty() && self.earlier.is_none()
    }
}

#[cfg(test)]
mod tests;
