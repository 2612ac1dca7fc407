//! What to exclude, and how requests to try are read.

use portcullis_model::{Action, Found, Reason, Stage};

use super::exclusion::smallest;
use super::request::RawRequest;
use crate::cli::PutAs;

fn found(rule: &str, place: &str, score: i64) -> Reason {
    let found = Found { place: place.into(), score, ..Found::default() };
    Reason::new(Stage::Filter, "filter.match", Action::Monitor).by(rule).found(found)
}

fn decided(by: &str, score: i64, threshold: i64) -> Reason {
    let found = Found { score, threshold: Some(threshold), ..Found::default() };
    Reason::new(Stage::Filter, "filter.score", Action::Block).by(by).found(found)
}

fn excluded(reasons: &[Reason]) -> Vec<String> {
    smallest(&reasons.iter().collect::<Vec<_>>()).iter().map(ToString::to_string).collect()
}

#[test]
fn as_little_is_excluded_as_lets_it_pass() {
    let hint = || found("sqli-hint", "query.q", 2);
    let sure = || found("sqli-union", "body.items[3].note", 5);
    assert_eq!(
        excluded(&[hint(), sure(), decided("builtin", 7, 5)]),
        ["{ rule: sqli-union, where: 'body.items[*].note' }"]
    );
    let two = [found("942100", "query.q", 5), found("942190", "query.q (name)", 5), decided("949110", 10, 5)];
    assert_eq!(excluded(&two), ["{ rule: 942100, where: query.q }", "{ rule: 942190, where: query.q }"]);
    // Each kind of rules has a score of its own.
    assert_eq!(
        excluded(&[sure(), found("942100", "query.q", 5), decided("949110", 5, 5)]),
        ["{ rule: 942100, where: query.q }"]
    );
    assert_eq!(excluded(&[hint()]), Vec::<String>::new());
}

#[test]
fn a_rule_that_refuses_by_itself_is_excluded_where_it_matched() {
    let refused = Reason::new(Stage::Filter, "filter.rule", Action::Block).by("100");
    assert_eq!(excluded(&[found("100", "headers.x-a", 0), refused]), ["{ rule: 100, where: headers.x-a }"]);
}

#[test]
fn a_rule_is_excluded_at_every_place_where_it_matched() {
    let at = |places: &[&str], more_places| {
        let found = Found {
            place: "method".into(),
            places: places.iter().map(|place| (*place).into()).collect(),
            more_places,
            score: 10,
            ..Found::default()
        };
        let reason = Reason::new(Stage::Filter, "filter.match", Action::Monitor).by("942100").found(found);
        excluded(&[reason, decided("949110", 10, 5)])
    };
    assert_eq!(
        at(&["body.items[0].note", "body.items[1].note", "query.q"], false),
        ["{ rule: 942100, where: 'body.items[*].note' }", "{ rule: 942100, where: query.q }"]
    );
    assert_eq!(at(&["query.a", "query.b"], true), ["{ rule: 942100 }"]);
}

#[test]
fn raw_requests_are_read_with_either_line_end() {
    for end in ["\r\n", "\n"] {
        let text = ["POST /a?b=c HTTP/1.1", "Host: shop.example", "X: y", "", "body"].join(end);
        let (arrival, body) =
            RawRequest::parse(text.as_bytes()).expect("a request").into_arrival().expect("whole");
        assert_eq!((arrival.head.method.as_str(), &arrival.head.target[..]), ("POST", &b"/a?b=c"[..]));
        assert_eq!(arrival.head.headers.get("host"), Some(&b"shop.example"[..]));
        assert_eq!(&body[..], b"body");
    }
    assert!(RawRequest::parse(b"nonsense").is_err());
}

#[test]
fn a_text_is_put_where_it_is_wanted() {
    let target = |put| {
        let (arrival, body) = RawRequest::with_text("a b'", put, "/x").into_arrival().expect("whole");
        (
            String::from_utf8_lossy(&arrival.head.target).into_owned(),
            String::from_utf8_lossy(&body).into_owned(),
        )
    };
    assert_eq!(target(PutAs::Query).0, "/x?q=a%20b%27");
    assert_eq!(target(PutAs::Path).0, "/x/a%20b%27");
    assert_eq!(target(PutAs::Form).1, "q=a%20b%27");
    assert_eq!(target(PutAs::Json).1, "{\"q\":\"a b'\"}");
}
