//! The engine's cases, replayed as recordings: they must come out as they do through the engine alone.
//!
//! A recording knows nothing of TLS handshakes, so cases that need one are left out; what a replay does not show,
//! such as fields towards the upstream, is not looked at.

use std::path::Path;
use std::sync::Arc;

use portcullis_engine::cases::{Case, CaseFile, Expect, Seen, mismatches};

use super::*;

/// When every case happens.
const NOW: &str = "2026-01-31T08:00:00Z";

#[test]
fn every_case_of_the_engine_replays_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/testdata");
    let (mut ran, mut left_out, mut wrong) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a file of cases");
            let file = CaseFile::parse(&name, &text).expect("cases");
            let snapshot = compile(&file);
            for case in &file.cases {
                let times = 0..case.times.max(1);
                let Some(recorded) = times.map(|time| recorded(case, time)).collect::<Option<Vec<_>>>()
                else {
                    left_out += 1;
                    continue;
                };
                ran += 1;
                let found = replayed(&snapshot, case, &recorded);
                wrong.extend(found.into_iter().map(|one| format!("{name}: {}: {one}", case.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(ran >= 90 && left_out <= 6, "{ran} cases ran, {left_out} were left out");
}

fn compile(file: &CaseFile) -> Arc<Snapshot> {
    let sources = file.sources();
    let policy = portcullis_policy::load("portcullis.yaml", &sources).policy.expect("a policy");
    Arc::new(portcullis_engine::compile(Arc::new(policy), &sources).expect("a snapshot").snapshot)
}

/// The case as a recording would hold it; none where it could not.
fn recorded(case: &Case, time: u32) -> Option<Recorded> {
    let request = &case.request;
    let line = request.line(time);
    let (method, target) = line.split_once(' ')?;
    if request.sni.is_some() || request.certificate.is_some() || !target.starts_with('/') {
        return None;
    }
    Some(Recorded {
        time: Timestamp::parse(NOW),
        client: request.from.parse().ok(),
        method: method.to_owned(),
        url: format!("http://{}{target}", request.host),
        headers: pairs(&request.headers),
        body: request.body().unwrap_or_default().into_bytes(),
        arrived: Arrived::Whole,
        response: Some(RecordedResponse {
            status: case.response.status,
            headers: pairs(&case.response.headers),
            body: case.response.body.clone().into_bytes(),
        }),
    })
}

fn pairs(lines: &[String]) -> Vec<(String, String)> {
    let pairs = lines.iter().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// What differs from what the case expects, as far as a replay's event shows it.
fn replayed(snapshot: &Arc<Snapshot>, case: &Case, recorded: &[Recorded]) -> Vec<String> {
    let replayer = Replayer::new(Arc::clone(snapshot));
    let replay = |(at, recorded)| replayer.replay(recorded, at).expect("an event");
    // All of them, in order: limits count.
    let events: Vec<Event> = recorded.iter().enumerate().map(replay).collect();
    let event = events.last().expect("at least one").clone();
    let status = event.response.as_ref().map_or(0, |response| response.status);
    let upstream = event.upstream.as_ref().map(|_| String::new());
    let shown = Expect {
        status: None,
        answer_headers: Vec::new(),
        target: None,
        upstream_headers: Vec::new(),
        no_upstream_headers: Vec::new(),
        body: None,
        bans: None,
        ..case.expect.clone()
    };
    let seen = Seen {
        event,
        refusal: None,
        target: upstream,
        upstream_headers: Vec::new(),
        answer_headers: Vec::new(),
        body: None,
        bans: Vec::new(),
        observed: false,
    };
    let mut wrong = mismatches(&shown, &case.response, &seen);
    if let Some(expected) = case.expect.status.filter(|expected| *expected != status) {
        wrong.push(format!("status: expected {expected}, got {status}"));
    }
    wrong
}
