//! What rules do to an exchange: short rule files, one request, and what has to match, end it or be asked for.
//!
//! Every case runs with scans and without, and has to come out the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may be loud")]

#[path = "transaction/defaults.rs"]
mod defaults;
#[path = "transaction/limits.rs"]
mod limits;
#[path = "transaction/settled.rs"]
mod settled;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_document::{MemorySources, Style, render};
use portcullis_filter::seclang::{Entry, load};
use portcullis_filter::transaction::{
    BodyInput, Budget, Disruption, Match, Request, Response, RuleSet, Spent, Step, Transaction, Treatment,
    Treatments, Workspace,
};
use portcullis_model::counter::MapChange;
use portcullis_model::{Headers, RequestHead, ResponseHead, Scheme, Timestamp, Version};
use portcullis_wire::{EncodedSlash, normalise};
use proptest::prelude::ProptestConfig;

fn rules(text: &str) -> RuleSet {
    let entry = Entry::Text { name: "rules.conf".to_owned(), text: text.to_owned() };
    let rules =
        load(&[entry], &MemorySources::new()).unwrap_or_else(|bad| panic!("{}", render(&bad, Style::Plain)));
    RuleSet::compile(&rules).unwrap_or_else(|bad| panic!("{}", render(&bad, Style::Plain)))
}

/// A request as text: the first line, fields, an empty line, the body.
struct Sent {
    head: RequestHead,
    body: Bytes,
}

fn sent(text: &str) -> Sent {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().strip_suffix(" HTTP").unwrap().split_once(' ').unwrap();
    let headers: Headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    let head = RequestHead {
        method: method.parse().unwrap(),
        target: Bytes::copy_from_slice(target.as_bytes()),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Http,
        headers,
    };
    Sent { head, body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// Phases 1 and 2.
fn request(transaction: &mut Transaction, sent: &Sent, workspace: &mut Workspace) -> Step {
    let address = SocketAddr::from(([192, 0, 2, 7], 4711));
    let normal = normalise(&sent.head, EncodedSlash::Keep);
    let began = Timestamp::from_secs(1_780_000_000);
    let request =
        Request { head: &sent.head, normal: &normal, client: address, server: address, began, id: "id-1" };
    match transaction.request_head(&request, workspace) {
        Step::Done => {
            transaction.request_body(Some(&BodyInput { bytes: &sent.body, parsed: None }), workspace)
        }
        step => step,
    }
}

fn both(text: &str, sent: &Sent) -> (Vec<Match>, Step) {
    let rules = rules(text);
    let mut workspace = Workspace::new();
    let [scanned, exhaustive] = [false, true].map(|exhaustive| {
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        if exhaustive {
            transaction = transaction.exhaustive();
        }
        let step = request(&mut transaction, sent, &mut workspace);
        (transaction.matches().to_vec(), step)
    });
    assert_eq!(scanned, exhaustive, "scans change what comes of\n{text}");
    scanned
}

/// The rules that are logged for a request.
fn check(text: &str, request: &str, expected: &[u32]) {
    let (matches, _) = both(text, &sent(request));
    let ids: Vec<u32> = matches.iter().filter(|found| found.logged).map(|found| found.rule).collect();
    assert_eq!(ids, expected, "{text}\n{request}");
}

#[test]
fn values_are_selected_excepted_and_counted() {
    let form =
        "POST /p?q=get HTTP\nContent-Type: application/x-www-form-urlencoded\n\nname=evil&note=fine&x=1%20";
    check("SecRule ARGS|!ARGS:name \"@rx evil\" \"id:1,phase:2\"", form, &[]);
    check("SecRule ARGS:/^na/ \"@contains evil\" \"id:1,phase:2\"", form, &[1]);
    check("SecRule ARGS_POST_NAMES \"@streq note\" \"id:1,phase:2\"", form, &[1]);
    check("SecRule &ARGS \"@eq 4\" \"id:1,phase:2\"", form, &[1]);
    check("SecRule &ARGS_GET:q \"@eq 1\" \"id:1,phase:1\"", form, &[1]);
    check("SecRule ARGS:x \"@rx ^1 $\" \"id:1,phase:2\"", form, &[1]);
    check("SecRule REQUEST_BODY_LENGTH \"@gt 10\" \"id:1,phase:2\"", form, &[1]);
    check("SecRule REQUEST_HEADERS:content-TYPE \"!@rx json\" \"id:1,phase:1\"", form, &[1]);
}

#[test]
fn chains_need_every_link_and_see_what_matched() {
    let get = "GET /?a=one&b=two HTTP\nHost: h";
    let chain =
        |second: &str| format!("SecRule ARGS \"@rx ^(o|t)\" \"id:1,phase:1,capture,chain,deny\"\n{second}");
    check(&chain("SecRule MATCHED_VARS \"@streq two\" \"t:none\""), get, &[1]);
    check(&chain("SecRule MATCHED_VARS_NAMES \"@streq ARGS:a\" \"t:none\""), get, &[1]);
    check(&chain("SecRule MATCHED_VAR \"@streq one\" \"t:none\""), get, &[]);
    check(&chain("SecRule TX:1 \"@streq t\" \"t:none\""), get, &[1]);
    check(&chain("SecRule ARGS \"@streq three\" \"t:none\""), get, &[]);
}

#[test]
fn variables_are_set_counted_and_expanded() {
    let get = "GET /?n=3&n=4 HTTP\nHost: h";
    let text = "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.limit=7,setvar:'tx.word=a b'\"
SecRule ARGS \"@ge 3\" \"id:2,phase:1,nolog,pass,setvar:'tx.sum=+%{MATCHED_VAR}',setvar:tx.seen_%{MATCHED_VAR}=1\"
SecRule TX:sum \"@eq %{tx.limit}\" \"id:3,phase:1,pass,log,msg:'sum %{tx.sum} of %{tx.word}',logdata:'%{MATCHED_VAR_NAME}'\"
SecRule &TX:seen_4 \"@eq 1\" \"id:4,phase:1,pass,log,setvar:!tx.sum\"
SecRule TX:/^seen_/ \"@eq 1\" \"id:5,phase:1,pass,log\"
SecRule &TX:sum \"@eq 0\" \"id:6,phase:1,pass,log,setvar:tx.limit=-2\"
SecRule TX:limit \"@eq 5\" \"id:7,phase:1,pass,log\"";
    let (matches, _) = both(text, &sent(get));
    let ids: Vec<u32> = matches.iter().map(|found| found.rule).collect();
    assert_eq!(ids, [3, 4, 5, 6, 7]);
    assert_eq!((&*matches[0].message, &*matches[0].data), ("sum 7 of a b", "TX:sum"));
}

#[test]
fn rules_are_skipped_and_taken_away() {
    let get = "GET /?a=x HTTP\nHost: h";
    let always = |id: u32| format!("SecAction \"id:{id},phase:1,pass,log\"\n");
    let two = always(8) + &always(9);
    check(&format!("SecAction \"id:1,phase:1,nolog,pass,skip:1\"\n{two}"), get, &[9]);
    let marked =
        format!("SecAction \"id:1,phase:1,nolog,pass,skipAfter:END\"\n{two}SecMarker END\n{}", always(10));
    check(&marked, get, &[10]);
    check(&format!("SecAction \"id:1,phase:1,nolog,pass,ctl:ruleRemoveById=8\"\n{two}"), get, &[9]);
    let tagged = "SecRule ARGS \"@streq x\" \"id:5,phase:1,pass,log,tag:'t/1'\"";
    check(
        &format!("SecAction \"id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetByTag=t/1;ARGS:a\"\n{tagged}"),
        get,
        &[],
    );
    check(&format!("SecAction \"id:1,phase:1,nolog,pass,ctl:ruleEngine=Off\"\n{two}"), get, &[]);
}

#[test]
fn a_test_is_tried_after_every_transformation_where_the_rule_says_so() {
    let get = "GET /?a=%2553elect HTTP\nHost: h";
    check("SecRule ARGS \"@rx %53\" \"id:1,phase:1,t:urlDecode,t:lowercase\"", get, &[]);
    check("SecRule ARGS \"@rx %53\" \"id:1,phase:1,t:urlDecode,t:lowercase,multiMatch\"", get, &[1]);
    check("SecRule ARGS \"@streq select\" \"id:1,phase:1,t:urlDecode,t:lowercase\"", get, &[1]);
}

#[test]
fn what_ends_an_exchange() {
    let get = sent("GET /?a=x HTTP\nHost: h");
    let step = |action: &str| {
        both(&format!("SecAction \"id:1,phase:1,{action}\"\nSecAction \"id:2,phase:2,log,pass\""), &get)
    };
    let ended = |action: &str| match step(action).1 {
        Step::Interrupt(interruption) => Some((interruption.status, interruption.kind)),
        _ => None,
    };
    assert_eq!(ended("deny"), Some((403, Disruption::Deny)));
    assert_eq!(ended("deny,status:429"), Some((429, Disruption::Deny)));
    assert_eq!(ended("drop"), Some((403, Disruption::Drop)));
    let to = "https://a.example/?from=h".to_owned();
    assert_eq!(
        ended("redirect:'https://a.example/?from=%{REQUEST_HEADERS.host}'"),
        Some((302, Disruption::Redirect(to)))
    );
    assert_eq!(ended("pass"), None);
    let logged = |action: &str| {
        step(action).0.iter().filter(|found| found.logged).map(|found| found.rule).collect::<Vec<_>>()
    };
    assert_eq!(logged("nolog,pass"), [2]);
    assert_eq!(logged("nolog,allow:phase"), [2]);
    assert_eq!(logged("nolog,allow:request"), [0; 0]);
    assert_eq!(logged("nolog,allow"), [0; 0]);
    check(
        "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny,log\"\nSecAction \"id:2,phase:2,log,pass\"",
        "GET / HTTP",
        &[1, 2],
    );
}

#[test]
fn json_values_have_readable_places() {
    let post = "POST /o HTTP\nContent-Type: application/json\n\n{\"items\":[{\"note\":\"ok\"},{\"note\":\"bad one\"}]}";
    let text = "SecRule ARGS:/note$/ \"@rx ^bad\" \"id:1,phase:2,log,pass,logdata:'%{MATCHED_VAR_NAME}'\"";
    let (matches, _) = both(text, &sent(post));
    assert_eq!(
        (&*matches[0].place, &*matches[0].data),
        ("body.items[1].note", "ARGS:json.items.array_1.note")
    );
    assert_eq!(&*matches[0].matched, b"bad one");
}

#[test]
fn responses_are_judged_where_the_rules_name_their_type() {
    let rules = rules(
        "SecResponseBodyAccess On\nSecResponseBodyMimeType text/html
SecRule RESPONSE_STATUS \"@streq 500\" \"id:1,phase:3,pass,log\"
SecRule RESPONSE_BODY \"@contains ORA-\" \"id:2,phase:4,deny,status:502\"
SecRule RESPONSE_HEADERS:X-A \"@streq b\" \"id:3,phase:5,pass,log\"",
    );
    for (kind, wanted, ids) in
        [("text/html; charset=utf-8", true, vec![1, 2, 3]), ("image/png", false, vec![1, 3])]
    {
        let mut workspace = Workspace::new();
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        assert_eq!(request(&mut transaction, &sent("GET / HTTP\nHost: h"), &mut workspace), Step::Done);
        let headers: Headers = [("Content-Type", kind), ("x-a", "b")].into_iter().collect();
        let head = ResponseHead { status: 500, version: Version::Http11, headers };
        assert_eq!(transaction.response_head(&Response { head: &head }, &mut workspace), Step::Done);
        assert_eq!(transaction.reads_response_body(), wanted);
        let body = Bytes::from_static(b"error ORA-00933");
        let step = transaction.response_body(Some(&BodyInput { bytes: &body, parsed: None }), &mut workspace);
        assert_eq!(matches!(step, Step::Interrupt(_)), wanted);
        assert_eq!(transaction.logging(&mut workspace), Step::Done);
        assert_eq!(transaction.matches().iter().map(|found| found.rule).collect::<Vec<_>>(), ids);
    }
}

#[test]
fn persistent_collections_are_asked_for_and_changed() {
    let rules = rules(
        "SecAction \"id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1,expirevar:ip.hits=60\"
SecRule IP:hits \"@gt 5\" \"id:2,phase:1,deny,status:429,setvar:ip.blocked=1\"",
    );
    let mut workspace = Workspace::new();
    let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
    let Step::Collections(asked) = request(&mut transaction, &sent("GET / HTTP\nHost: h"), &mut workspace)
    else {
        panic!("the collection has to be asked for");
    };
    assert_eq!((asked.len(), &*asked[0].collection, &*asked[0].key), (1, "ip", "192.0.2.7"));
    let step = transaction.resume(vec![vec![("hits".into(), "5".into())]], &mut workspace);
    assert!(matches!(step, Step::Interrupt(ended) if ended.status == 429));
    let changes: Vec<MapChange> = transaction.take_writes().into_iter().map(|write| write.change).collect();
    assert!(matches!(
        &changes[..],
        [MapChange::Add { by: 1, .. }, MapChange::Expire { .. }, MapChange::Set { .. }]
    ));
}

#[test]
fn scores_are_found_whichever_release_of_crs_keeps_them() {
    for score in ["blocking_inbound_anomaly_score", "anomaly_score"] {
        let rules = rules(&format!(
            "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.inbound_anomaly_score_threshold=5,setvar:tx.{score}=+7\""
        ));
        let mut workspace = Workspace::new();
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        request(&mut transaction, &sent("GET / HTTP\nHost: h"), &mut workspace);
        let scores = transaction.scores();
        assert_eq!((scores.inbound, scores.inbound_threshold), (7, 5), "{score}");
    }
}

/// Records matches in the cookie `a` and ignores those of the query.
#[derive(Debug)]
struct Site;

impl Treatments for Site {
    fn of(&self, _: u32, _: &[smol_str::SmolStr], _: Option<&str>, place: &str) -> Treatment {
        match place {
            "cookies.a" => Treatment::Record,
            "query.a" => Treatment::Ignore,
            _ => Treatment::Act,
        }
    }
}

#[test]
fn a_site_decides_what_becomes_of_a_match() {
    let rules =
        rules("SecRule ARGS|REQUEST_COOKIES \"@streq evil\" \"id:1,phase:1,deny,log,setvar:tx.score=+5\"");
    for (request_text, acted, matched) in [
        ("GET /?a=evil HTTP\nHost: h", false, 0),
        ("GET / HTTP\nCookie: a=evil", false, 1),
        ("GET /?b=evil HTTP\nCookie: a=evil", true, 1),
    ] {
        let mut workspace = Workspace::new();
        let transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        let mut transaction = transaction.treated(Arc::new(Site));
        let step = request(&mut transaction, &sent(request_text), &mut workspace);
        assert_eq!(matches!(step, Step::Interrupt(_)), acted, "{request_text}");
        assert_eq!(transaction.matches().len(), matched, "{request_text}");
        assert!(transaction.matches().iter().all(|found| found.acted == acted));
        assert_eq!(transaction.variable("score").as_deref(), acted.then_some("5"));
    }
}

#[test]
fn budgets_end_the_work_and_say_so() {
    let rules = rules("SecArgumentsLimit 10\nSecRule ARGS \"@rx (?:a+)+b\" \"id:1,phase:2,deny\"");
    let long = "a".repeat(100_000);
    let spent = |body: String, budget: Budget| {
        let mut workspace = Workspace::new();
        let mut transaction = Transaction::new(&rules, budget, &mut workspace).exhaustive();
        let text = format!("POST / HTTP\nContent-Type: application/x-www-form-urlencoded\n\n{body}");
        request(&mut transaction, &sent(&text), &mut workspace);
        transaction.spent()
    };
    let few = Budget { steps: 1_000, ..Budget::default() };
    let small = Budget { bytes: 10_000, ..Budget::default() };
    assert_eq!(spent(format!("x={long}"), Budget::default()), None);
    assert_eq!(spent(format!("x={long}"), few), Some(Spent::Steps));
    assert_eq!(spent(format!("x={long}"), small), Some(Spent::Memory));
    assert_eq!(spent("x=1&".repeat(11), Budget::default()), Some(Spent::Arguments));
}

#[test]
fn sites_share_a_set_and_nothing_keeps_it_once_they_are_gone() {
    let rules = rules("SecRule ARGS \"@rx evil\" \"id:1,phase:1,deny\"");
    let sites: Vec<RuleSet> = (0..50).map(|_| rules.clone()).collect();
    assert_eq!(rules.shares(), 51);
    let mut workspace = Workspace::new();
    for site in &sites {
        let mut transaction = Transaction::new(site, Budget::default(), &mut workspace);
        let step = request(&mut transaction, &sent("GET /?a=evil HTTP\nHost: h"), &mut workspace);
        assert!(matches!(step, Step::Interrupt(_)));
        transaction.finish(&mut workspace);
    }
    drop(sites);
    assert_eq!(rules.shares(), 1, "a workspace keeps no rule set alive");
}

#[test]
fn two_hundred_reloads_leave_nothing_in_a_workspace() {
    let mut workspace = Workspace::new();
    for reload in 0..200 {
        let rules = rules(&format!("SecRule ARGS \"@rx evil{reload}\" \"id:1,phase:1,deny\""));
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        request(&mut transaction, &sent(&format!("GET /?a=evil{reload} HTTP\nHost: h")), &mut workspace);
        assert_eq!(transaction.matches().len(), 1);
        transaction.finish(&mut workspace);
        drop(rules);
        assert!(workspace.remembers() <= 1, "caches of rule sets that are gone are dropped");
    }
}

#[test]
fn a_level_that_a_rule_turns_on_is_scanned_for_after_all() {
    let text = "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.level=1\"
SecRule ARGS \"@streq up\" \"id:2,phase:1,nolog,pass,setvar:tx.level=2\"
SecRule ARGS \"@contains evil\" \"id:3,phase:2,log,pass\"
SecRule TX:level \"@lt 2\" \"id:4,phase:2,nolog,pass,skipAfter:END\"
SecRule ARGS \"@contains evil\" \"id:5,phase:2,log,pass\"
SecRule ARGS \"@streq higher\" \"id:6,phase:2,nolog,pass,setvar:tx.level=3\"
SecRule TX:level \"@lt 3\" \"id:7,phase:2,nolog,pass,skipAfter:END\"
SecRule ARGS \"@contains evil\" \"id:8,phase:2,log,pass\"
SecMarker END
SecRule ARGS \"@contains evil\" \"id:9,phase:2,log,pass\"";
    check(text, "GET /?a=an+evil+word HTTP\nHost: h", &[3, 9]);
    check(text, "GET /?a=an+evil+word&b=higher HTTP\nHost: h", &[3, 9]);
    check(text, "GET /?a=an+evil+word&b=up HTTP\nHost: h", &[3, 5, 9]);
    check(text, "GET /?a=an+evil+word&b=up&c=higher&d=evil HTTP\nHost: h", &[3, 5, 8, 9]);
}

fn leveled_rule(at: usize, phase: u8, kind: u8, number: u8) -> String {
    let word = ["one", "two", "three"][usize::from(number) % 3];
    let flow = format!("id:{},phase:{phase},nolog,pass", at + 10);
    match kind % 6 {
        0 => format!("SecRule TX:level \"@lt {number}\" \"{flow},skipAfter:M{}\"", number % 2),
        1 => format!("SecRule ARGS \"@streq {word}\" \"{flow},setvar:tx.level={number}\""),
        2 => format!("SecRule ARGS \"@contains {word}\" \"{flow},skip:{}\"", number + 1),
        3 => format!("SecMarker M{}", number % 2),
        _ => {
            format!(
                "SecRule ARGS|REQUEST_HEADERS \"@rx {word}\" \"id:{},phase:{phase},log,pass,t:lowercase\"",
                at + 10
            )
        }
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Wherever rules jump and whenever levels change, scans lose nothing.
    #[test]
    fn levels_change_in_the_middle(
        drawn in proptest::collection::vec((1..=2_u8, 0..=6_u8, 0..=3_u8), 1..24),
        level in 0..=3_u8,
        words in "(one|two|three|ONE|x){1,3}(&b=(one|two|three))?",
    ) {
        let rules = drawn.iter().enumerate().map(|(at, (phase, kind, number))| leveled_rule(at, *phase, *kind, *number));
        let rules: Vec<String> = rules.collect();
        let text = format!(
            "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.level={level}\"\n{}\nSecMarker M0\nSecMarker M1",
            rules.join("\n"),
        );
        both(&text, &sent(&format!("GET /?a={words} HTTP\nHost: three")));
    }
}
