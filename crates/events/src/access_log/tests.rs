//! Lines as they read, and a log whose file goes away or whose disk is full.

use std::time::Instant;

use portcullis_expr::{Env, Place, check_template};
use portcullis_model::Action;
use portcullis_model::caller::Proof;
use portcullis_model::event::IdentityRecord;

use super::*;
use crate::sample::event;

fn line(format: &LineFormat, change: impl FnOnce(&mut Event)) -> String {
    let mut event = event(0, 7, Action::Pass);
    change(&mut event);
    format.line(&event)
}

fn template(source: &str) -> LineFormat {
    let env = Env { place: Place::Event, lists: &[] };
    LineFormat::Template(check_template(source, &env).expect("no mistake"))
}

#[test]
fn lines_read_as_their_formats_say() {
    let linked = |event: &mut Event| {
        event.request.query = Some("a=1".into());
        event.request.referer = Some("https://shop.example/".into());
    };
    let common = "203.0.113.7 - - [14/Nov/2023:22:14:00 +0000] \"GET /plans/7?a=1 HTTP/1.1\" 200 512";
    assert_eq!(line(&LineFormat::Common, linked), format!("{common}\n"));
    let combined = format!("{common} \"https://shop.example/\" \"sample/1\"\n");
    assert_eq!(line(&LineFormat::Combined, linked), combined);
    assert_eq!(
        line(&template("${ip} ${status} ${route} ${upstream.server} ${operation}"), |_| {}),
        "203.0.113.7 200 - - GET /plans/{planId}\n"
    );
    let json: serde_json::Value = serde_json::from_str(&line(&LineFormat::Json, linked)).expect("JSON");
    let said = [&json["method"], &json["status"], &json["verdict"], &json["operation"]];
    assert_eq!(
        said,
        ["GET".into(), 200.into(), "pass".into(), serde_json::json!("GET /plans/{planId}")].each_ref()
    );
    assert_eq!(json.get("identity"), None, "what there is not is left out");
}

#[test]
fn whatever_clients_send_a_line_stays_one() {
    let hostile = |event: &mut Event| {
        event.request.user_agent = Some("a\" 200 1\n10.0.0.1 - - \\ \u{85}é".into());
        event.caller.identity = Some(IdentityRecord {
            provider: "p".into(),
            subject: "ann b".into(),
            proof: Proof::Jwt,
            groups: Vec::new(),
        });
        event.response = None;
    };
    assert_eq!(
        line(&LineFormat::Combined, hostile),
        "203.0.113.7 - ann_b [14/Nov/2023:22:14:00 +0000] \"GET /plans/7 HTTP/1.1\" - - \"-\" \
         \"a\\x22 200 1\\x0A10.0.0.1 - - \\x5C \\xC2\\x85é\"\n"
    );
    for format in [LineFormat::Json, template("${user_agent}")] {
        let line = line(&format, hostile);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
    }
}

struct Stage {
    folder: tempfile::TempDir,
    log: AccessLog,
}

impl Stage {
    fn new(buffer: usize) -> Self {
        let stage = Self { folder: tempfile::tempdir().expect("a folder"), log: AccessLog::default() };
        stage.configure(LogTarget::File(stage.path("logs/access.log")), buffer);
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, to: LogTarget, buffer: usize) {
        let config = AccessLogConfig { to, format: template("${path}"), buffer };
        self.log.configure(Some(&config)).expect("started");
    }

    fn add(&self, n: u64) {
        self.log.add(&event(0, n, Action::Pass));
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn until(&self, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !done(self) {
            assert!(Instant::now() < end, "{:?}", self.log.figures());
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let stage = Stage::new(1 << 20);
    stage.add(1);
    stage.log.flush();
    assert_eq!(stage.read("logs/access.log"), "/plans/1\n");
    std::fs::rename(stage.path("logs/access.log"), stage.path("logs/access.log.1")).expect("moved");
    // At once where it is told to, by itself a moment later.
    stage.configure(LogTarget::File(stage.path("logs/access.log")), 1 << 20);
    stage.add(2);
    stage.log.flush();
    assert_eq!(
        (stage.read("logs/access.log.1").as_str(), stage.read("logs/access.log").as_str()),
        ("/plans/1\n", "/plans/2\n")
    );
    std::fs::remove_file(stage.path("logs/access.log")).expect("removed");
    stage.until(|stage| {
        stage.add(3);
        stage.log.flush();
        stage.read("logs/access.log").contains("/plans/3\n")
    });
    stage.log.configure(None).expect("off");
    stage.add(4);
    stage.log.end();
    assert!(!stage.read("logs/access.log").contains("/plans/4"));
}

#[test]
fn what_waits_goes_where_and_as_it_was_meant_to() {
    let stage = Stage::new(1 << 20);
    for n in 0..20 {
        stage.add(n);
        let config = AccessLogConfig {
            to: LogTarget::File(stage.path(&format!("log{n}"))),
            format: template(&format!("{n} ${{path}}")),
            buffer: 1 << 20,
        };
        stage.log.flush();
        stage.add(100 + n);
        stage.log.configure(Some(&config)).expect("changed");
        stage.add(200 + n);
        stage.log.flush();
        assert_eq!(stage.read(&format!("log{n}")), format!("{n} /plans/{}\n", 200 + n));
    }
    assert_eq!(stage.read("log3"), "3 /plans/203\n3 /plans/4\n3 /plans/104\n");
    stage.log.end();
}

#[test]
fn a_full_disk_is_counted_and_said_and_what_waits_is_bounded() {
    let stage = Stage::new(20);
    stage.configure(LogTarget::File("/dev/full".into()), 20);
    stage.add(1);
    stage.until(|stage| stage.log.figures().is_some_and(|figures| figures.failing.is_some()));
    // The first line is held to be tried again; two of nine bytes fit beside it.
    (2..7).for_each(|n| stage.add(n));
    assert_eq!(stage.log.figures().expect("on").dropped, 3);
    stage.configure(LogTarget::File(stage.path("elsewhere")), 20);
    stage.until(|stage| stage.log.figures().is_some_and(|figures| figures.written == 3));
    assert_eq!(stage.read("elsewhere"), "/plans/1\n/plans/2\n/plans/3\n");
    assert_eq!(stage.log.figures().expect("on").failing, None);
    stage.log.end();
}
