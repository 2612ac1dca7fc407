//! Every mistake the language knows, one row each, and how some of them are shown.

mod policy;

use super::*;

/// Keys added to the site, the mistake's place in them, and what is said about it.
const OF_A_SITE: &[(&str, &str)] = &[
    ("mod: block", "error at `mod`: `mod` is not a key of a site (did you mean `mode`?)"),
    ("mode: off", "error at `off`: `off` is not one of `block`, `monitor` (-)"),
    ("challenge: { difficulty: 40 }", "error at `40`: `difficulty` must be a whole number from 8 to 24 (-)"),
    (
        "challenge: { wait: 1h }",
        "error at `1h`: a puzzle would be over before those without scripts have waited for it (let `wait` be shorter \
         than `within`)",
    ),
    ("challenge: { lasts: 0s }", "error at `0s`: browsers would be asked again at once (e.g. `lasts: 12h`)"),
    (
        "rules: [{ name: a, when: 'status == 500', action: challenge }]",
        "error at `action`: `challenge` comes too late: the request has gone to the upstream by then (let the \
         condition read only what is known on the request's head)",
    ),
    (
        "mode: moniter",
        "error at `moniter`: `moniter` is not one of `block`, `monitor` (did you mean `monitor`?)",
    ),
    ("filter: { level: 5 }", "error at `5`: `level` must be a whole number from 1 to 4 (-)"),
    (
        "filter: { rules: [crs, owm] }",
        "error at `owm`: there is no rule set `owm` (give it under `rule_sets`: `rule_sets: { owm: { seclang: FILE } }`)",
    ),
    (
        "filter: { rules: [built-in] }",
        "error at `built-in`: there is no rule set `built-in` (did you mean `builtin`?)",
    ),
    (
        "filter: { exclude: [{}] }",
        "error at `{}`: the exclusion excludes nothing in particular (e.g. `{ rule: 942100, where: query.q }`; to exclude everything, write `filter: off`)",
    ),
    (
        "filter: { exclude: [{ rule: 942199-942100 }] }",
        "error at `942199-942100`: `rule` must be a range of ids, the smaller first (e.g. `942100-942199`)",
    ),
    (
        "filter: { exclude: [{ where: q }] }",
        "error at `q`: `where` must be a place such as `query.q` or `body.items[*].note` (a place begins with one of `path`, `query`, `headers`, `cookies`, `body`, `method`, `target`, `ip`, `request`, `response`, `protocol`)",
    ),
    (
        "filter: { classes: { sqly: off } }",
        "error at `sqly`: there is no class of attack `sqly` (did you mean `sqli`?)",
    ),
    (
        "filter: { responses: [html] }",
        "error at `html`: `responses` must be a media type such as `text/html` or `text/*` (-)",
    ),
    (
        "filter: { rules: [{ }] }",
        "error at `{ }`: the rule set has no file (e.g. `{ seclang: rules/own.conf }`, or `{ crs: /opt/coreruleset }`)",
    ),
    ("limits: { a: 1 }", "error at `{ a: 1 }`: `limits` must be a list (begin each item with `- `)"),
    (
        "body: { hold: 1 MB, deadline: 10 }",
        "error at `10`: `deadline` must be a duration (write the unit: `10s`, `10m`, …)",
    ),
    (
        "body: { hold: big }",
        "error at `big`: `hold` must be a size (write it like `64KiB`, `1MiB` or `10GB`)",
    ),
    (
        "identity: [customer]",
        "error at `customer`: there is no identity provider `customer` (did you mean `customers`?)",
    ),
    (
        "require: contract",
        "error at `contract`: `require: contract` needs a contract whose security schemes are tied to identity \
         providers (add `contract: { files: [FILE] }`)",
    ),
    (
        "contract: { files: [] }",
        "error at `{ files: [] }`: the contract has no file (e.g. `files: [openapi.yaml]`)",
    ),
    (
        "contract: { files: http://a/openapi.json }",
        "warning at `http://a/openapi.json`: `http://a/openapi.json` is fetched in clear: anybody on the way can change it \
         (write `https://`)",
    ),
    (
        "routes: [{ match: GETT /health }]",
        "warning at `GETT /health`: `GETT` is no method of HTTP or WebDAV (did you mean `GET`?)",
    ),
    (
        "routes: [{ match: health }]",
        "error at `health`: `match` must be a method, if one, and a path: `GET /health`, `/internal/**` (a path begins \
         with `/`)",
    ),
    (
        "routes: [{ mode: block }]",
        "error at `{ mode: block }`: `match` is missing (`match`: The method, if one, and the path: `GET /health`, `/internal/**`. `*` is one segment, `**` at the end any number of them.)",
    ),
    ("routes: [{ match: /a, hosts: x }]", "error at `hosts`: `hosts` is not a key of a route (-)"),
    (
        "allow: 'has(body.x)'",
        "error at `'has(body.x)'`: `allow` is decided on the request's head, and this is known only once the \
         request's body is held (write a rule with `action: block` instead; it runs as soon as all it reads is known)",
    ),
    (
        "limits: [{ name: a, rate: 5 }]",
        "error at `5`: `rate` must be a rate (say in which period: `5/min`, `5/s`, …)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, key: [] }]",
        "error at `{ name: a, rate: 5/s, key: [] }`: the limit `a` counts nothing apart (e.g. `key: caller`, or \
         `key: ip`)",
    ),
    ("limits: [{ name: a, rate: 5/s, key: user }]", "error at `user`: nothing is counted by `user` (-)"),
    (
        "limits: [{ name: a, rate: 5/s, key: calller }]",
        "error at `calller`: nothing is counted by `calller` (did you mean `caller`?)",
    ),
    (
        "limits: [{ name: a, rate: 5/s }, { name: a, rate: 6/s }]",
        "error at `{ name: a, rate: 6/s }`: two limits are called `a` (give one of them another name: events tell \
         them apart by it)",
    ),
    (
        "limits: [{ name: a }]",
        "error at `{ name: a }`: the limit `a` measures nothing (give one of `rate: 100/min`, `concurrency: 10`, \
         `quota: 10000/day`, `bytes: 1GiB/day`, or `distinct: params.id` with `limit: 50/h`)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, quota: 5/day }]",
        "error at `{ name: a, rate: 5/s, quota: 5/day }`: the limit `a` measures several things (give one of \
         `rate: 100/min`, `concurrency: 10`, `quota: 10000/day`, `bytes: 1GiB/day`, or `distinct: params.id` with \
         `limit: 50/h`)",
    ),
    (
        "limits: [{ name: a, concurrency: 5, burst: 6 }]",
        "error at `burst`: `burst` goes with `rate` only (leave it out, or write `rate: 100/min`)",
    ),
    (
        "limits: [{ name: a, rate: 1/30d, burst: 5000 }]",
        "error at `{ name: a, rate: 1/30d, burst: 5000 }`: the limit `a` remembers for 150000 days, and counts are \
         kept for 366 at most (give a shorter time; a `rate` remembers until its whole `burst` is given back)",
    ),
    (
        "limits: [{ name: a, quota: 5/367d }]",
        "error at `{ name: a, quota: 5/367d }`: the limit `a` remembers for 367 days, and counts are kept for 366 at \
         most (give a shorter time; a `rate` remembers until its whole `burst` is given back)",
    ),
    (
        "limits: [{ name: a, quota: 10000 }]",
        "error at `10000`: `quota` must be a quota (write it like `10000/day`, `1000000/month` or `5000/24h`)",
    ),
    (
        "limits: [{ name: a, concurrency: 5, cost: 2 }]",
        "error at `cost`: only a rate or a quota has a cost (leave it out)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, cost: { exports: 2 } }]",
        "error at `exports`: `exports` is not an operation (write it like `POST /exports`)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, above: [{ rate: 4/s, action: block }] }]",
        "error at `{ rate: 4/s, action: block }`: this threshold is not above the one before it (give more of the \
         same measure, the lowest first)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, above: [{ rate: 6/s, action: monitor }] }]",
        "error at `{ rate: 6/s, action: monitor }`: this threshold is not stricter than the one before it (from the \
         mildest: `monitor`, `delay`, `throttle`, `challenge`, `block`, `ban`)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, when: 'status == 401' }]",
        "error at `{ name: a, rate: 5/s, when: 'status == 401' }`: `throttle` comes too late in the limit `a`: what it \
         reads is known only with the response's head (use `action: monitor` or `action: ban`, which hold for what \
         comes next)",
    ),
    (
        "limits: [{ name: a, rate: 5/s, counted: end }]",
        "error at `{ name: a, rate: 5/s, counted: end }`: `throttle` comes too late in the limit `a`: it is counted \
         once exchanges have ended (use `action: monitor` or `action: ban`, which hold for what comes next)",
    ),
    (
        "rules: [{ name: a, when: 'true' }]",
        "error at `a`: the rule `a` does nothing (give it a `tag`, an `action` or `headers`)",
    ),
    (
        "rules: [{ name: a b, when: 'true', action: block }]",
        "error at `a b`: `a b` cannot name a rule (use letters, digits, `-`, `_` and `.`; at most 64 of them)",
    ),
    (
        "rules: [{ name: a, when: 'true', tag: late }]",
        "error at `late`: `late` is not a tag (write it with a namespace, e.g. `team:late`)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: blok }]",
        "error at `blok`: `blok` is not an action (did you mean `block`?)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: pass }]",
        "error at `pass`: `pass` alone is not an action (say what is skipped: `action: { pass: [limits] }`)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { pass: [framing] } }]",
        "error at `framing`: `framing` is not one of `limits`, `filter`, `authorise`, `contract` (-)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { block: {}, ban: 1h } }]",
        "error at `{ block: {}, ban: 1h }`: an action is exactly one thing (give one of `pass`, `block`, `redirect`, \
         `throttle`, `ban`, `mask`)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { block: { status: 99 } } }]",
        "error at `99`: `status` must be an HTTP status from 200 to 599 (-)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { redirect: { to: /x, status: 200 } } }]",
        "error at `200`: no redirect is answered with 200 (its status is 301, 302, 303, 307 or 308)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { ban: 0s } }]",
        "error at `0s`: `ban` must be a ban that lasts (e.g. `ban: 15m`)",
    ),
    (
        "rules: [{ name: a, when: 'true', action: { mask: ['a..b'] } }]",
        "error at `'a..b'`: `mask` must be a field's path (write it like `card.number` or, for every item of a list, \
         `items[].iban`)",
    ),
    (
        "rules: [{ name: a, when: 'true', headers: { set: { Content-Length: '1' } } }]",
        "error at `Content-Length`: `content-length` says how the message is carried, which is the gateway's to say \
         (-)",
    ),
    (
        "rules: [{ name: a, when: 'true', headers: { set: { 'a b': x } } }]",
        "error at `'a b'`: no header field can be called `a b` (-)",
    ),
    (
        "rules: [{ name: a, when: 'status == 500', action: { pass: [limits] } }]",
        "error at `action`: `pass` comes too late: the stages it skips have run by then (let the condition read only \
         what is known on the request's head)",
    ),
    (
        "rules: [{ name: a, when: 'status == 500', headers: { remove: X-A } }]",
        "error at `headers`: changing the request's header fields comes too late: the request has gone to the \
         upstream by then (let the condition read only what is known on the request's head)",
    ),
    (
        "rules: [{ name: a, when: 'tag(\"country:de\") && path == \"/\"', action: block }]",
        "warning at `'tag(\"country:de\") && path == \"/\"'`: this asks for `country`, and no database says it (name \
         one: `geo: { country: FILE.mmdb }`)",
    ),
    (
        "limits: [{ name: a, key: asn, rate: 1/min }]",
        "warning at `{ name: a, key: asn, rate: 1/min }`: this asks for `asn`, and no database says it (name one: \
         `geo: { asn: FILE.mmdb }`)",
    ),
    (
        "rules: [{ name: a, when: 'tag(\"list:ofice\")', action: block }]",
        "warning at `\"list:ofice\"`: nothing sets the tag `list:ofice`, so this never holds (did you mean \
         `list:office`?)",
    ),
    (
        "rules: [{ name: a, when: 'tag(\"t:a\")', action: block }, { name: b, when: 'true', tag: 't:a' }]",
        "warning at `\"t:a\"`: `t:a` is set only further down, by `b`, so this never holds (move `b` above `a`)",
    ),
    (
        "rules: [{ name: a, when: 'tag(\"t:a\")', tag: 't:a' }]",
        "warning at `\"t:a\"`: the rule `a` asks for a tag that only it sets, so it never holds (-)",
    ),
];

#[test]
fn mistakes_in_a_site() {
    for (keys, expected) in OF_A_SITE {
        let said = summary(&read(&site(keys)).problems);
        let unlisted: Vec<String> = said.iter().map(|line| without_known_words(line)).collect();
        assert_eq!(unlisted, [*expected], "\n{keys}\n{said:#?}");
    }
}

/// Long lists of known words make rows unreadable and change with every key.
fn without_known_words(line: &str) -> String {
    line.find("(known ").map_or_else(|| line.to_owned(), |at| format!("{}(-)", &line[..at]))
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text = r#"listen: 8080
client_ip: { header: x-forwarded-for }

lists:
  office: { ranges: [10.0.0.0/8] }

sites:
  shop:
    hosts: [https://shop.example]
    upsteam: { servers: [http://10.1.0.5:9000] }
  api:
    hosts: [api.example]
    upstream:
      servers: [10.1.0.6:9000]
      timeouts: { conect: 5s, head: 30 }
  partners:
    hosts: [partners.example]
    upstream: { servers: [http://10.1.0.7:9000] }
    mode: enforce
    limits:
      - { name: login, rate: 5, when: 'operation == "POST /login"' }
      - { name: login, rate: 5/min, key: adress }
    rules:
      - name: office-only
        when: |
          path.startsWith("/admin") &&
            !(ip in lists.ofice)
        action: blok
      - { name: leak, when: 'status == 500', action: { pass: [limits] } }
"#;
    insta::assert_snapshot!(render(&read(text).problems, Style::Plain));
}

#[test]
fn an_empty_policy_is_shown_how_to_begin() {
    let shown = render(&read("# nothing yet\n").problems, Style::Plain);
    insta::assert_snapshot!(shown);
    let example = shown.lines().filter_map(|line| line.strip_prefix("        "));
    policy(&example.flat_map(|line| [line, "\n"]).collect::<String>());
}

#[test]
fn mistakes_in_conditions_point_into_them() {
    let text = site(
        "rules:
  - name: plain
    when: pth == \"/x\"
    action: block
  - name: quoted
    when: \"path == \\\"/x\\\" && methud == 'GET'\"
    action: block
  - name: block
    when: >-
      path == \"/x\" &&
      method == 1
    action: block
  - { name: set, when: 'true', headers: { set: { X-User: '${identity.subjet}' } } }",
    );
    insta::assert_snapshot!(render(&read(&text).problems, Style::Plain));
}

#[test]
fn problems_are_read_by_programs_too() {
    let problems = read(&site("mod: block")).problems;
    insta::assert_json_snapshot!(problems.iter().map(Problem::to_json).collect::<Vec<_>>());
}

#[test]
fn warnings_alone_leave_a_policy() {
    let loaded = read(&site("rules: [{ name: a, when: 'tag(\"list:ofice\")', action: block }]"));
    assert_eq!(loaded.problems[0].severity, Severity::Warning);
    assert!(loaded.policy.is_some());
}
