//! What is let through, with what it means, and what is refused, with what people are told.

use std::fmt::Write;

use crate::sample::{FINDINGS, OPERATIONS, QUERIES, RULES, Sample};
use crate::{Checked, Env, ExprProblem, Known, ListId, TagTest, Type, Value, Var, check, check_value};

fn holds(source: &str) -> bool {
    check(source, &RULES)
        .unwrap_or_else(|problems| panic!("{source}: {problems:#?}"))
        .compile()
        .holds(&Sample::default())
}

#[test]
fn conditions_that_hold() {
    for source in [
        "method == \"GET\" && path.startsWith(\"/admin/\")",
        "method in [\"GET\", \"HEAD\"]",
        "ip in \"10.0.0.0/8\"",
        "ip in [\"192.0.2.0/24\", \"10.1.2.3\"]",
        "cidr(ip, \"10.0.0.0/8\", \"2001:db8::/32\")",
        "cidr(ip, [\"10.0.0.0/8\"])",
        "cidr(headers[\"x-real-ip\"], \"192.0.2.0/24\")",
        "ip == \"10.1.2.3\" && ip != \"10.1.2.4\" && string(ip) == \"10.1.2.3\"",
        "ip in lists.tor_exits && identity.subject in lists.partners",
        "tag(\"api:shadow\") && tagged(\"data:\")",
        "status >= 400 && status < 500 && status in [404, 410]",
        "status + 1 == 405 && status / 100 == 4 && -status == -404 && status % 2 == 0",
        "\"admin\" in identity.groups && identity.groups.exists(g, g.startsWith(\"st\"))",
        "identity.groups.all(g, size(g) == 5) && identity.groups.size() == 2",
        "identity != null && has(identity.claims.tenant) && tls == null",
        "identity.claims.tenant == \"t1\" && identity.claims[\"tenant\"].startsWith(\"t\")",
        "headers.accept == \"text/html\" && headers[\"Accept\"].endsWith(\"html\")",
        "headers.`x-real-ip` != null && \"X-Real-Ip\" in headers && \"page\" in query",
        "int(query.page) == 12 && double(query.page) > 11.5",
        "body.flag && body.age > 41 && body.age == 42.0 && body.price * 2.0 == 19.0",
        "body.a.b[0].c == \"deep\" && body[\"a\"].b[0][\"c\"].contains(\"ee\")",
        "\"red\" in body.tags && 7 in body.tags && body.tags.exists(t, t == 7)",
        "has(body.user) && body.user != null && !has(body.nobody)",
        "path.matches(r\"^/[a-z]+/users$\") && matches(path, \"users\")",
        "path.upperAscii() == \"/ADMIN/USERS\" && path.contains(\"min/us\")",
        "[\"/api/\", \"/admin/\"].exists(p, path.startsWith(p))",
        "[\"GET\", \"HEAD\"].exists(m, m == method) && [\"x\", \"y\"].all(w, !path.contains(w))",
        "[\"api:shadow\", \"api:zombie\"].exists(t, tag(t))",
        "time > timestamp(\"2026-01-01T00:00:00Z\") && time.getHours() == 8 && time.getMinutes() == 5",
        "time.getDayOfWeek() == 6",
        "(status == 404 ? \"a\" : \"b\") == \"a\" && (tag(\"no:tag\") ? false : true)",
        "path in [\"/admin/\" + \"users\"]",
        "method + \" \" + path == \"GET /admin/users\"",
    ] {
        assert!(holds(source), "{source}");
    }
}

#[test]
fn conditions_that_do_not_hold() {
    for source in [
        "method == \"POST\"",
        "ip in [\"192.0.2.0/24\"]",
        "identity.subject in lists.tor_exits",
        "body.age == \"42\"",
        "body.age > \"a\" || body.flag == \"true\" || body.user == \"x\"",
        "identity.groups.exists(g, g == \"root\")",
        "path.matches(\"^/users\")",
        "has(params.id)",
    ] {
        assert!(!holds(source), "{source}");
        assert!(holds(&format!("!({source})")), "!({source})");
    }
}

#[test]
fn what_is_absent_equals_nothing_and_passes_no_test() {
    let absent = "headers.missing";
    for test in [
        "== \"a\"",
        "< \"a\"",
        ">= \"\"",
        ".startsWith(\"\")",
        ".contains(\"\")",
        ".matches(\"\")",
        "in [\"\"]",
        "== headers.gone",
    ] {
        assert!(!holds(&format!("{absent} {test}")), "{test}");
    }
    for source in [
        "headers.missing == null",
        "headers.missing != \"a\"",
        "headers.missing != headers.gone",
        "!(size(headers.missing) >= 0)",
        "!(body.none + 1 > 0) && !(body.none + 1 <= 0)",
        "!body.none.exists(x, true) && !body.none.all(x, true)",
        "int(\"x\") == null && 1 / 0 == null && 9223372036854775807 + 1 == null",
    ] {
        assert!(holds(source), "{source}");
    }
}

#[test]
fn saying_a_thing_twice_hides_nothing() {
    for source in [
        "headers.x == \"a\" && headers.x == \"b\" && !(headers.x == \"c\")",
        "headers.x in [\"b\", \"c\"] && headers.x.startsWith(\"b\") && headers.x.matches(\"^b$\")",
        "headers.x.upperAscii() == \"B\" && size(headers.x) > 0",
        "!(headers.x != \"a\")",
    ] {
        assert!(holds(source), "{source}");
    }
}

#[test]
fn events_are_asked_in_the_same_language() {
    let source = "verdict == \"block\" && status >= 400 && tag(\"api:shadow\") && ip in \"10.0.0.0/8\" && duration > duration(\"1s\")";
    assert!(check(source, &QUERIES).unwrap().compile().holds(&Sample::default()));
}

#[test]
fn an_expression_says_what_it_reads() {
    let checked = check(
        "tag(\"api:shadow\") && ip in lists.partners && headers.Accept != null && tagged(\"x:\")",
        &RULES,
    );
    let reads = checked.unwrap().reads().clone();
    assert_eq!(reads.vars, [Var::Headers, Var::Ip]);
    assert_eq!(reads.members.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(), ["accept"]);
    assert_eq!(reads.tags, [TagTest::Exact("api:shadow".into()), TagTest::Prefix("x:".into())]);
    assert_eq!(reads.lists, [ListId(1)]);
    assert_eq!(reads.known, Known::Operation);
    let known = |source: &str| check(source, &RULES).map(|checked| checked.reads().known).unwrap();
    assert_eq!(known("path == \"/\""), Known::Peer);
    assert_eq!(known("identity.subject == \"a\" && body.x == 1"), Known::RequestBody);
    assert_eq!(known("response.body.x == 1 || status == 200"), Known::ResponseBody);
}

#[test]
fn values_have_types_and_texts() {
    let value = |source: &str| {
        check_value(source, &RULES).map(|checked: Checked| {
            let program = checked.compile();
            let text = program.text(&Sample::default()).map(std::borrow::Cow::into_owned);
            (checked.result(), text)
        })
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(value("status"), Ok((Type::Int, text("404"))));
    assert_eq!(value("status > 1"), Ok((Type::Bool, text("true"))));
    assert_eq!(value("body.price"), Ok((Type::Json, text("9.5"))));
    assert_eq!(value("time"), Ok((Type::Time, text("2026-01-31T08:05:00.000000Z"))));
    assert_eq!(value("headers.x"), Ok((Type::String, text("a, b"))));
    assert_eq!(value("headers.none"), Ok((Type::String, None)));
    assert_eq!(check_value("status", &RULES).unwrap().compile().value(&Sample::default()), Value::Int(404));
}

/// Every problem of every source, as people would be shown it.
fn shown(sources: &[&str], env: &Env<'_>) -> String {
    let mut shown = String::new();
    for source in sources {
        let problems: Vec<ExprProblem> = check(source, env).err().unwrap_or_default();
        assert!(!problems.is_empty(), "{source} was let through");
        writeln!(shown, "{source}").unwrap();
        for problem in problems {
            let before = source[..problem.span.start].chars().count();
            let marked = source[problem.span.clone()].chars().count();
            let remedy = problem.remedy.as_deref().unwrap_or("-");
            let carets = "^".repeat(marked.max(1));
            writeln!(shown, "{:before$}{carets} {}. {remedy}", "", problem.message).unwrap();
        }
        shown.push('\n');
    }
    shown
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    insta::assert_snapshot!(shown(
        &[
            "pth == \"/a\" && methd == \"GET\"",
            "identity.subjct == \"a\"",
            "identity.colour == \"a\"",
            "subject == \"a\"",
            "GET == method",
            "peer == \"a\"",
            "peer.addr == \"a\"",
            "path.length == 3",
            "status.code == 3",
            "identity.groups[0] == \"a\"",
            "headers.user_agent == \"x\"",
            "headers[\"bad name\"] == \"x\"",
            "headers.a.b == \"x\"",
            "headers[method] == \"x\"",
            "body.items[-1] == 1",
            "tag(\"a:b\").x == 1",
            "tag == \"a:b\"",
            "lists.tor_exits",
            "ip in lists.tor_exit",
            "path.startWith(\"/\")",
            "path.regex(\"a\")",
            "frobnicate(path)",
            "body.items.map(x, x) == 1",
            "verdict == \"block\"",
            "identity.groups.exists(g, h == \"a\")",
        ],
        &RULES
    ));
}

#[test]
fn types_that_do_not_fit_are_explained() {
    insta::assert_snapshot!(shown(
        &[
            "path",
            "status",
            "identity.groups",
            "identity",
            "headers",
            "path == 1 && status == \"404\"",
            "status == path",
            "ip == \"10.0.0.0/8\"",
            "ip == \"localhost\"",
            "ip == path",
            "ip < \"10.0.0.1\"",
            "ip.startsWith(\"10.\")",
            "identity.groups == \"admin\"",
            "identity.groups.startsWith(\"a\")",
            "identity == \"ada\"",
            "headers == null",
            "status < null",
            "time > 5",
            "true < false",
            "status + path == 1",
            "status + 1.5 == 1.0",
            "-path == 1",
            "(status == 1 ? path : status) == 1",
            "!path",
            "int(ip) == 1",
            "size(status) == 1",
            "status.matches(\"4..\")",
            "path.getHours() == 1",
            "tag(path)",
            "tag(1)",
            "path.exists(x, true)",
            "identity.groups.exists(x, identity.groups.exists(y, identity.groups.exists(z, x == y && y == z)))",
            "body.a.exists(x, x in body.b)",
            "body.a.exists(x.y, true)",
        ],
        &RULES
    ));
}

#[test]
fn literals_that_can_never_hold_are_refused() {
    insta::assert_snapshot!(shown(
        &[
            "method == \"get\"",
            "method in [\"get\", \"POST\"]",
            "host == \"Shop.example\"",
            "path == \"admin\"",
            "path.startsWith(\"admin\")",
            "standing == \"shadwo\"",
            "scheme != \"ftp\"",
            "caller == \"ada\"",
            "tag(\"shadow\")",
            "tag(\"data:\")",
            "tagged(\"\")",
            "ip in \"10.0.0.1/8\"",
            "ip in [\"10.0.0.0/33\", path]",
            "status in [\"404\", 410, null]",
            "status in []",
            "\"a\" in path",
            "\"a\" in status",
            "headers in [\"a\"]",
            "path in \"/a\"",
            "[\"a\"] == path",
            "method in {\"GET\": 1}",
            "path.matches(\"a(\")",
            "path.matches(\"(?=a)\")",
            "path.matches(method)",
            "duration(\"5 minutes\") == null",
            "time < timestamp(\"yesterday\")",
            "tag()",
            "startsWith(path, \"/a\")",
            "has(path, method)",
            "has(status == 1)",
            "cidr(status, \"10.0.0.0/8\")",
        ],
        &RULES
    ));
}

#[test]
fn queries_refuse_what_events_do_not_keep() {
    insta::assert_snapshot!(shown(
        &[
            "body.a == 1",
            "identity.claims.tenant == \"a\"",
            "ip in lists.tor_exits",
            "verdict == \"blocked\"",
            "duration > 5",
            "ended == \"done\""
        ],
        &QUERIES
    ));
}

#[test]
fn words_rise_in_the_order_of_their_list() {
    for (source, expected) in [
        ("finding.severity >= \"high\"", true),
        ("finding.severity > \"high\"", false),
        ("\"critical\" > finding.severity && finding.severity <= \"high\"", true),
        ("finding.severity < \"high\" || finding.standing <= \"zombie\"", false),
    ] {
        let checked = check(source, &FINDINGS).unwrap_or_else(|problems| panic!("{source}: {problems:#?}"));
        assert_eq!(checked.compile().holds(&Sample::default()), expected, "{source}");
    }
    assert!(check("verdict >= \"challenge\"", &QUERIES).unwrap().compile().holds(&Sample::default()));
}

#[test]
fn words_may_be_written_in_capitals_and_lists_asked_for_what_they_contain() {
    for (source, place) in [
        ("finding.severity >= HIGH", FINDINGS),
        ("standing == SHADOW && data.contains(\"email\")", OPERATIONS),
        ("risk >= HIGH && authenticated != ALWAYS && hosts.exists(h, h.endsWith(\".example\"))", OPERATIONS),
        ("verdict == BLOCK", QUERIES),
    ] {
        assert!(check(source, &place).is_ok(), "{source}: {:?}", check(source, &place).err());
    }
    let (written, meant) = ("standing == SHADOW", "standing == \"shadow\"");
    let reads = |source| check(source, &OPERATIONS).unwrap().reads().clone();
    assert_eq!(reads(written), reads(meant));
    assert!(reads(written).has(Var::LearnedStanding) && !reads(written).has(Var::Standing));
    assert!(holds("identity.groups.contains(\"admin\") && !identity.groups.contains(\"adm\")"));
}

#[test]
fn operations_are_asked_for_what_is_theirs() {
    insta::assert_snapshot!(shown(
        &[
            "standing == SHADY",
            "data.contains(1)",
            "ip == \"10.0.0.1\"",
            "finding.severity >= HIGH",
            "tag(\"api:shadow\")",
            "callers == \"many\"",
            "last_sen == null",
        ],
        &OPERATIONS
    ));
    insta::assert_snapshot!("operations_in_rules", shown(&["callers > 5"], &RULES));
}

#[test]
fn findings_are_asked_for_what_is_theirs() {
    insta::assert_snapshot!(shown(
        &[
            "severity >= \"high\"",
            "finding.severity >= \"hihg\"",
            "finding.severity > \"critical\"",
            "finding.severity > finding.kind",
            "finding.kind == \"shadow\"",
            "finding.sevrity == \"high\"",
            "site == \"shop\"",
            "path == \"/a\"",
            "tag(\"api:shadow\")",
            "finding.site in lists.shops",
            "finding",
        ],
        &FINDINGS
    ));
    insta::assert_snapshot!("findings_in_rules", shown(&["finding.severity == \"high\""], &RULES));
}

#[test]
fn repeated_bodies_are_bounded() {
    let list = format!("[{}]", vec!["\"a\""; 300].join(", "));
    let source = format!("{list}.exists(x, {list}.exists(y, path.contains(x + y)))");
    let problems = check(&source, &RULES).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("too large")), "{problems:?}");
}
