//! The text of an event beside what `serde_json` makes of it.

use portcullis_model::event::{NotInspected, UpstreamRecord};
use portcullis_model::{Action, Cause, Event, Reason, Stage, Tag};
use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::sample::event;

fn check<T: Serialize>(value: &T) {
    let mut written = Vec::new();
    write_json(value, &mut written).expect("events have nothing else");
    assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(value).unwrap());
}

#[test]
fn events_are_written_as_serde_json_writes_them() {
    let plain = event(1_700_000_000, 7, Action::Pass);
    check(&plain);
    let reason = Reason::new(Stage::Rules, "rules.block", Action::Block).by("a \"rule\"").detail("one\nline");
    let tag = |cause| Tag { tag: "net:tor".into(), cause };
    check(&Event {
        progress: Some(3),
        upstream: Some(UpstreamRecord { error: Some("\u{1}\u{7f}é".into()), ..UpstreamRecord::default() }),
        tags: vec![tag(Cause::Observed), tag(Cause::List("tor".into())), tag(Cause::Rule("\\".into()))],
        reasons: vec![reason.clone(), reason.would_have()],
        not_inspected: vec![NotInspected { what: "query".into(), why: "budget".into() }],
        ..plain
    });
}

#[test]
fn other_shapes_are_written_alike_or_refused() {
    #[derive(Serialize)]
    enum Shape {
        Named { size: i8, sign: char },
        Unit,
    }
    check(&(Shape::Named { size: -128, sign: '"' }, Shape::Unit));
    check(&(u64::MAX, i64::MIN, 0_u8, [(); 0], true, Some(()), None::<u8>));
    for refused in [
        write_json(&1.5_f64, &mut Vec::new()),
        write_json(&std::collections::BTreeMap::from([(1, 2)]), &mut Vec::new()),
    ] {
        assert!(refused.is_err());
    }
}

proptest! {
    #[test]
    fn texts_are_escaped_alike(text in "[ -~\\u{0}-\\u{1f}\"\\\\é€😀]{0,40}", clean in "[a-z]{0,40}", number: u64) {
        check(&(text, clean, number));
    }
}
