//! Limits that rules set, and variables over the request as a whole: what is reached, what is said of it, what is seen.

use std::time::Duration;

use portcullis_filter::transaction::{Ender, Interruption};

use super::*;

/// What became of a request: its step, the rules that matched, what was spent.
fn run(rules: &RuleSet, sent: &Sent) -> (Step, Vec<u32>, Option<Spent>) {
    let mut workspace = Workspace::new();
    let mut transaction = Transaction::new(rules, Budget::default(), &mut workspace);
    let step = request(&mut transaction, sent, &mut workspace);
    let matched = transaction.matches().iter().map(|found| found.rule).collect();
    (step, matched, transaction.spent())
}

fn posted(media_type: &str, body: &str) -> Sent {
    sent(&format!("POST / HTTP\nContent-Type: {media_type}\n\n{body}"))
}

/// Tells of a body beyond a limit, and of one that could not be read.
const TOLD: &str = "
SecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:1,phase:2,pass,log\"
SecRule REQBODY_ERROR \"!@eq 0\" \"id:2,phase:2,pass,log\"
SecRule ARGS \"@streq evil\" \"id:3,phase:2,pass,log\"";

fn refused(directive: &'static str) -> Step {
    Step::Interrupt(Interruption { cause: Ender::Limit(directive), status: 413, kind: Disruption::Deny })
}

#[test]
fn a_body_without_its_uploads_has_a_limit_of_its_own() {
    let limits = "SecRequestBodyNoFilesLimit 300\nSecRequestBodyLimit 1000\n";
    let form = format!("a=evil&b={}", "x".repeat(400));
    let part = |name: &str, size| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"f\"{name}\r\n\r\n{}\r\n--b--\r\n",
            "x".repeat(size)
        )
    };
    let multipart = "multipart/form-data; boundary=b";
    let reject = rules(&format!("{limits}{TOLD}"));
    let partial = rules(&format!("{limits}SecRequestBodyLimitAction ProcessPartial\n{TOLD}"));
    let form = posted("application/x-www-form-urlencoded", &form);
    assert_eq!(run(&reject, &form), (refused("SecRequestBodyNoFilesLimit"), vec![], None));
    assert_eq!(run(&partial, &form), (Step::Done, vec![1, 3], None), "all of it is seen");
    let json = posted("application/json", &format!("{{\"a\":\"{}\"}}", "x".repeat(400)));
    assert_eq!(run(&reject, &json).0, refused("SecRequestBodyNoFilesLimit"));
    let upload = posted(multipart, &part("; filename=\"a.txt\"", 600));
    assert_eq!(run(&reject, &upload), (Step::Done, vec![], None), "uploads do not count");
    let field = posted(multipart, &part("", 600));
    assert_eq!(run(&reject, &field).0, refused("SecRequestBodyNoFilesLimit"));
    let large = posted(multipart, &part("; filename=\"a.txt\"", 2000));
    assert_eq!(run(&reject, &large), (refused("SecRequestBodyLimit"), vec![], Some(Spent::Body)));
}

#[test]
fn json_is_read_as_deep_as_the_rules_allow() {
    let rules = rules(&format!("SecRequestBodyJsonDepthLimit 3\n{TOLD}"));
    let media_type = portcullis_wire::fields::MediaType::parse(b"application/json");
    for (body, matched) in [
        ("{\"a\":{\"b\":[\"evil\"]}}", vec![3]),
        ("{\"a\":{\"b\":[[\"evil\"]]}}", vec![2]),
        ("{\"a\":{\"b\":[[\"x\"]]},\"c\":\"evil\"}", vec![2, 3]),
    ] {
        let sent = posted("application/json", body);
        assert_eq!(run(&rules, &sent), (Step::Done, matched.clone(), None), "{body}");
        // The same where the host read it, under a limit of its own.
        let parsed = portcullis_wire::body::parse(
            &sent.body,
            media_type.as_ref(),
            &portcullis_wire::body::Budget::default(),
        );
        let mut workspace = Workspace::new();
        let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
        let found = head_and(&mut transaction, &sent, &parsed, &mut workspace);
        assert_eq!(found, matched, "{body}");
    }
}

fn head_and(
    transaction: &mut Transaction,
    sent: &Sent,
    parsed: &portcullis_wire::Body,
    workspace: &mut Workspace,
) -> Vec<u32> {
    let normal = normalise(&sent.head, EncodedSlash::Keep);
    let address = SocketAddr::from(([192, 0, 2, 7], 4711));
    let began = Timestamp::from_secs(1_780_000_000);
    let request =
        Request { head: &sent.head, normal: &normal, client: address, server: address, began, id: "id-1" };
    transaction.request_head(&request, workspace);
    transaction.request_body(Some(&BodyInput { bytes: &sent.body, parsed: Some(parsed) }), workspace);
    transaction.matches().iter().map(|found| found.rule).collect()
}

#[test]
fn arguments_beyond_their_limit_are_left_out_and_said() {
    let rules =
        rules(&format!("SecArgumentsLimit 3\n{TOLD}\nSecRule &ARGS \"@ge 3\" \"id:4,phase:2,pass,log\""));
    let form = |body| posted("application/x-www-form-urlencoded", body);
    assert_eq!(run(&rules, &form("a=1&b=2")), (Step::Done, vec![], None));
    assert_eq!(run(&rules, &form("a=1&b=2&c=evil")), (Step::Done, vec![3, 4], None));
    assert_eq!(run(&rules, &form("a=1&b=2&c=3&d=evil")), (Step::Done, vec![4], Some(Spent::Arguments)));
    let json = posted("application/json", "[1,2,3,\"evil\"]");
    assert_eq!(run(&rules, &json), (Step::Done, vec![4], Some(Spent::Arguments)));
}

#[test]
fn the_request_as_a_whole_is_one_value() {
    let whole =
        "POST /a?b=c HTTP/1.1\\x0d\\x0aHost: h\\x0d\\x0aContent-Type: text/plain\\x0d\\x0a\\x0d\\x0aevil";
    check(
        &format!(
            "SecRule FULL_REQUEST \"@rx ^{}$\" \"id:1,phase:2,pass,log\"
SecRule FULL_REQUEST_LENGTH \"@eq 63\" \"id:2,phase:2,pass,log\"
SecRule FULL_REQUEST \"@contains evil\" \"id:3,phase:1,pass,log\"",
            whole.replace('?', "\\?")
        ),
        "POST /a?b=c HTTP\nHost: h\nContent-Type: text/plain\n\nevil",
        &[1, 2],
    );
}

#[test]
fn xml_without_a_path_is_the_document() {
    let rules = "SecRule XML \"@streq [XML document tree]\" \"id:1,phase:2,pass,log\"
SecRule &XML \"@eq 1\" \"id:2,phase:2,pass,log\"
SecRule XML \"@contains evil\" \"id:3,phase:2,pass,log\"
SecRule XML:/* \"@contains evil\" \"id:4,phase:2,pass,log\"
SecRule XML:/* \"@contains document\" \"id:5,phase:2,pass,log\"";
    check(rules, "POST / HTTP\nContent-Type: text/xml\n\n<a>evil</a>", &[1, 2, 4]);
    check(rules, "POST / HTTP\nContent-Type: text/plain\n\n<a>evil</a>", &[]);
}

#[test]
fn duration_is_what_the_host_says() {
    let rules = rules(
        "SecRule DURATION \"@eq 0\" \"id:1,phase:1,pass,log\"
SecRule DURATION \"@eq 1500000\" \"id:2,phase:5,pass,log,msg:'%{DURATION}'\"",
    );
    let mut workspace = Workspace::new();
    let mut transaction = Transaction::new(&rules, Budget::default(), &mut workspace);
    request(&mut transaction, &sent("GET / HTTP\nHost: h"), &mut workspace);
    transaction.after(Duration::from_millis(1500)).logging(&mut workspace);
    let matched: Vec<(u32, &str)> =
        transaction.matches().iter().map(|found| (found.rule, found.message.as_str())).collect();
    assert_eq!(matched, [(1, ""), (2, "1500000")]);
}

#[test]
fn patterns_made_by_clients_cost_steps() {
    let rules = rules("SecRule ARGS \"@rx ^%{REQUEST_HEADERS.x-pattern}$\" \"id:1,phase:1,pass,log\"");
    let spent = |pattern: &str| {
        let sent = sent(&format!("GET /?a=b HTTP\nX-Pattern: {pattern}"));
        run(&rules, &sent)
    };
    assert_eq!(spent("b"), (Step::Done, vec![1], None));
    assert_eq!(spent(&"b?".repeat(20_000)).2, Some(Spent::Steps));
}

#[test]
fn a_match_keeps_every_place() {
    let rules = "SecRule ARGS|REQUEST_COOKIES \"@streq evil\" \"id:1,phase:1,pass,log,chain\"
SecRule REQUEST_METHOD \"@streq GET\"";
    let (matches, _) = both(rules, &sent("GET /?a=evil&b=evil&a=evil&c=x HTTP\nCookie: d=evil"));
    assert_eq!(matches[0].place, "method");
    assert_eq!(matches[0].places.as_slice(), ["query.a", "query.b", "cookies.d"]);
    assert!(!matches[0].more_places);
    let many = (0..50).map(|index| format!("p{index}=evil")).collect::<Vec<_>>().join("&");
    let (matches, _) = both(rules, &sent(&format!("GET /?{many} HTTP\nHost: h")));
    assert_eq!((matches[0].places.len(), matches[0].more_places), (Match::PLACES, true));
}
