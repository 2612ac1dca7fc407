//! An archive whose process is killed, and one whose file may not grow: in real processes, with real signals.
//!
//! The two tests start this same binary again for the process that suffers: told where its archive is, the first of
//! them records instead of testing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use portcullis_events::archive::{Query, Reader};
use portcullis_events::{ArchiveConfig, ArchiveState, Recorder, RecorderConfig, Share};
use portcullis_model::{Action, Event};

#[allow(dead_code, unreachable_pub, reason = "the crate's own tests use the rest")]
#[path = "../src/sample.rs"]
mod sample;

/// Tells the child where its archive is.
const ARCHIVE: &str = "PORTCULLIS_TEST_ARCHIVE";
/// Events the child offers between two flushes.
const ROUND: u64 = 100;

/// The `n`th event, of a time that no retention has reached yet.
fn event(n: u64) -> Event {
    sample::event(2_300_000_000, n, Action::Pass)
}

fn config(path: PathBuf) -> RecorderConfig {
    let archive = ArchiveConfig { path, retain: Duration::from_hours(24 * 365), size: None };
    RecorderConfig { archive: Some(archive), passes: Share::ALL, ..RecorderConfig::default() }
}

/// The test that a child is started as.
const CHILD: &str = "what_was_committed_survives_kill_9";

/// Offers events for ever, and says after each round how many are committed and how the archive is.
fn record_until_killed(archive: PathBuf) {
    let (recorder, recording) = Recorder::start(&config(archive)).unwrap();
    for n in 0.. {
        recorder.offer(event(n));
        if (n + 1) % ROUND == 0 {
            recording.flush();
            let figures = recorder.figures();
            let state = match figures.archive {
                ArchiveState::Failing { fault, .. } => fault.as_str(),
                _ => "working",
            };
            println!("round {} {state}", figures.committed);
        }
    }
}

/// A child, killed when this is dropped.
struct Suffering {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Suffering {
    fn start(mut command: Command, archive: &Path) -> Self {
        let mut child = command
            .args([CHILD, "--exact", "--nocapture", "--test-threads=1"])
            .env(ARCHIVE, archive)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next round's committed events and state.
    fn round(&mut self) -> (u64, String) {
        loop {
            let line = self.lines.next().expect("the child goes on").unwrap();
            // The first line of all follows the test harness's own words.
            if let Some((_, round)) = line.split_once("round ") {
                let (committed, state) = round.split_once(' ').unwrap();
                return (committed.parse().unwrap(), state.to_owned());
            }
        }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Suffering {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many of the first events the archive has without a gap.
fn kept_from_the_first(archive: &Path) -> u64 {
    let found = Reader::open(archive).unwrap().events(&Query::default()).unwrap();
    let mut paths: Vec<u64> = found
        .events
        .iter()
        .map(|event| event.request.path.trim_start_matches("/plans/").parse().unwrap())
        .collect();
    paths.sort_unstable();
    paths.iter().zip(0..).take_while(|(found, expected)| *found == expected).count() as u64
}

#[test]
fn what_was_committed_survives_kill_9() {
    if let Some(archive) = std::env::var_os(ARCHIVE) {
        return record_until_killed(archive.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("events.db");
    let mut committed = 0;
    for rounds in [1, 4, 7] {
        let mut child = Suffering::start(Command::new(std::env::current_exe().unwrap()), &archive);
        for _ in 0..rounds {
            committed = child.round().0.max(committed);
        }
        child.kill();
        let kept = kept_from_the_first(&archive);
        assert!(kept >= committed, "{kept} of {committed}");
    }
    assert_eq!(committed, 7 * ROUND);
}

#[test]
fn a_file_that_may_not_grow_is_said_and_what_was_committed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("events.db");
    // A limit on the size of files makes writes fail as a full disk does; ignored, its signal kills nobody.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    let mut child = Suffering::start(command, &archive);
    let (committed, _) = std::iter::repeat_with(|| child.round()).find(|(_, state)| state == "full").unwrap();
    for _ in 0..3 {
        assert_eq!(
            child.round(),
            (committed, "full".to_owned()),
            "recording goes on, and says what is wrong"
        );
    }
    child.kill();
    assert!(committed >= ROUND);
    assert!(kept_from_the_first(&archive) >= committed);

    // With room again, another process goes on with the same archive.
    let mut child = Suffering::start(Command::new(std::env::current_exe().unwrap()), &archive);
    assert_eq!(child.round(), (ROUND, "working".to_owned()));
}
