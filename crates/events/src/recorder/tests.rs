//! The recorder with a real archive behind it: what is kept, sampled, counted and lost.

use std::path::PathBuf;

use portcullis_model::Action;

use super::*;
use crate::archive::{Query, Reader, TotalsQuery};
use crate::config::{ArchiveConfig, Share};
use crate::sample::{at, event, id, summary};

struct Bench {
    _folder: tempfile::TempDir,
    config: RecorderConfig,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = ArchiveConfig {
            path: folder.path().join("events.db"),
            retain: Duration::from_hours(24 * 36_500),
            size: None,
        };
        let config = RecorderConfig { archive: Some(archive), ..RecorderConfig::default() };
        Self { _folder: folder, config }
    }

    fn path(&self) -> PathBuf {
        self.config.archive.as_ref().unwrap().path.clone()
    }

    fn start(&self) -> (Recorder, Recording) {
        Recorder::start(&self.config).unwrap()
    }

    fn kept(&self) -> usize {
        Reader::open(&self.path()).unwrap().events(&Query::default()).unwrap().events.len()
    }
}

/// What the gateway does at the end of every exchange.
fn record(recorder: &Recorder, secs: i64, n: u64, action: Action) -> Wants {
    let summary = summary(secs, n, action);
    recorder.fold(&summary);
    let wants = recorder.wants(&summary, id(secs, n));
    if wants != Wants::No {
        recorder.offer(event(secs, n, action));
    }
    wants
}

fn minute_of_samples() -> TotalsQuery {
    TotalsQuery { since: at(0), until: at(60), site: None }
}

#[test]
fn what_was_flushed_is_committed() {
    let bench = Bench::new();
    let (recorder, recording) = bench.start();
    for n in 0..5000 {
        record(&recorder, 0, n, Action::Pass);
    }
    recording.flush();
    assert_eq!(bench.kept(), 5000);
    let figures = recorder.figures();
    assert_eq!((figures.folded, figures.offered, figures.committed, figures.waiting), (5000, 5000, 5000, 0));
    assert!(matches!(figures.archive, ArchiveState::Working(_)), "{figures:?}");
}

#[test]
fn passes_are_sampled_and_refusals_are_not_and_totals_count_all() {
    let mut bench = Bench::new();
    bench.config.passes = Share::NONE;
    let (recorder, recording) = bench.start();
    for n in 0..100 {
        assert_eq!(record(&recorder, 0, n, Action::Pass), Wants::No);
    }
    for (n, action) in [(200, Action::Block), (201, Action::Throttle), (202, Action::Ban)] {
        assert_eq!(record(&recorder, 0, n, action), Wants::Refusal);
    }
    assert_eq!(record(&recorder, 0, 203, Action::Monitor), Wants::Sampled, "what is marked is kept");
    let would = Summary { would_have: Action::Block, ..summary(0, 204, Action::Pass) };
    assert_eq!(recorder.wants(&would, id(0, 204)), Wants::Refusal);
    recording.finish();
    assert_eq!((bench.kept(), recorder.figures().sampled_away), (4, 100));
    let top = Reader::open(&bench.path()).unwrap().totals(&minute_of_samples()).unwrap();
    assert_eq!((top.exchanges, top.operations[0].refused), (104, 3));
}

#[test]
fn totals_are_exact_over_restarts_within_a_minute() {
    let bench = Bench::new();
    for run in 0..3 {
        let (recorder, recording) = bench.start();
        for n in 0..100 {
            record(&recorder, run, n, Action::Pass);
            if n % 30 == 0 {
                recording.flush();
            }
        }
        recording.finish();
    }
    let reader = Reader::open(&bench.path()).unwrap();
    let top = reader.totals(&minute_of_samples()).unwrap();
    assert_eq!((top.exchanges, top.other_callers), (300, 0));
    assert_eq!(top.callers.iter().map(|line| line.count).sum::<u64>(), 300);
    assert!(top.operations[0].p50_us.abs_diff(1500) < 110);
    let minutes = reader.minutes(&minute_of_samples()).unwrap();
    assert_eq!(minutes.iter().map(|line| (line.minute, line.count)).collect::<Vec<_>>(), [(at(0), 300)]);
    let elsewhere = TotalsQuery { site: Some("other".into()), ..minute_of_samples() };
    assert_eq!(reader.totals(&elsewhere).unwrap().exchanges, 0);
}

#[test]
fn a_full_queue_drops_passes_counts_them_and_keeps_room_for_refusals() {
    let mut bench = Bench::new();
    bench.config.queue = 10;
    let blocked = bench.path().with_file_name("data");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    if let Some(archive) = &mut bench.config.archive {
        archive.path = blocked.join("events.db");
    }
    let (recorder, recording) = bench.start();
    recording.flush();
    // The recording thread holds one batch; from then on the queue fills.
    record(&recorder, 0, 0, Action::Pass);
    recording.flush();
    for n in 1..=50 {
        record(&recorder, 0, n, Action::Pass);
    }
    for n in 100..105 {
        record(&recorder, 0, n, Action::Block);
    }
    let figures = recorder.figures();
    assert_eq!((figures.dropped_passes, figures.dropped_refusals), (40, 0));
    assert!(matches!(figures.archive, ArchiveState::Failing { .. }), "{figures:?}");
    std::fs::remove_file(&blocked).unwrap();
    recording.flush();
    assert_eq!(recorder.figures().committed, 16);
    assert_eq!(bench.kept(), 16);
    let top = Reader::open(&bench.path()).unwrap().totals(&minute_of_samples()).unwrap();
    assert_eq!(top.exchanges, 56, "totals miss nothing");
}

#[tokio::test]
async fn followers_see_what_is_sampled_away_and_nothing_of_it_is_kept() {
    let mut bench = Bench::new();
    bench.config.passes = Share::NONE;
    let (recorder, recording) = bench.start();
    let mut follower = recorder.follow();
    assert_eq!(record(&recorder, 0, 1, Action::Pass), Wants::Sampled);
    assert_eq!(follower.next().await.unwrap().unwrap().id, id(0, 1));
    drop(follower);
    assert_eq!(record(&recorder, 0, 2, Action::Pass), Wants::No);
    recording.finish();
    assert_eq!(bench.kept(), 0);
}

#[tokio::test]
async fn a_slow_follower_is_told_what_it_lost() {
    let (recorder, _recording) = Recorder::start(&RecorderConfig::default()).unwrap();
    let mut follower = recorder.follow();
    for n in 0..2000 {
        record(&recorder, 0, n, Action::Pass);
    }
    assert_eq!(follower.next().await, Some(Err(crate::Lost(2000 - 1024))));
    assert_eq!(follower.next().await.unwrap().unwrap().id, id(0, 976));
}

#[test]
fn without_an_archive_nothing_is_wanted_and_figures_go_on() {
    let (recorder, recording) = Recorder::start(&RecorderConfig::default()).unwrap();
    assert_eq!(record(&recorder, 0, 1, Action::Block), Wants::No);
    recording.flush();
    let now = now();
    assert_eq!(recorder.top(Duration::from_mins(1), now).exchanges, 1);
    assert_eq!(recorder.figures().archive, ArchiveState::Off);
}

#[test]
fn a_changed_configuration_moves_the_archive() {
    let bench = Bench::new();
    let other = Bench::new();
    let (recorder, recording) = bench.start();
    record(&recorder, 0, 1, Action::Pass);
    recording.flush();
    recorder.reconfigure(&other.config);
    record(&recorder, 0, 2, Action::Pass);
    recording.flush();
    assert_eq!((bench.kept(), other.kept()), (1, 1));
    recorder.reconfigure(&RecorderConfig::default());
    recording.flush();
    assert_eq!(recorder.figures().archive, ArchiveState::Off);
}
