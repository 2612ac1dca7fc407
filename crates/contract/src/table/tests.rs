//! The operation table: what wins, what is walked back from, and that everything declared is found.

use proptest::prelude::*;

use super::*;

/// Builds a table of `METHOD /template` lines.
fn table(lines: &[&str]) -> Table {
    let mut table = Table::default();
    for (index, line) in lines.iter().enumerate() {
        let (method, template) = line.split_once(' ').unwrap();
        let template = Template::parse(template).unwrap().0;
        table.insert(&method.parse().unwrap(), &template, index as Index).unwrap();
    }
    table
}

/// The decoded segments of a normal path, as `find` takes them.
fn segments(path: &str) -> Vec<String> {
    path.strip_prefix('/').unwrap().split('/').map(str::to_owned).collect()
}

/// Looks a call up: the line that answers it with the values captured, `other: METHODS`, or `nothing`.
fn look(lines: &[&str], call: &str) -> String {
    let (method, path) = call.split_once(' ').unwrap();
    let segments = segments(path);
    match table(lines).find(&method.parse().unwrap(), &segments) {
        Hit::Operation(index, captures) if captures.is_empty() => lines[index as usize].to_owned(),
        Hit::Operation(index, captures) => format!("{} <- {}", lines[index as usize], captures.join(" ")),
        Hit::OtherMethod(methods) => {
            format!("other: {}", methods.iter().map(Method::as_str).collect::<Vec<_>>().join(" "))
        }
        Hit::Nothing => "nothing".to_owned(),
    }
}

fn check(lines: &[&str], cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(look(lines, call), *expected, "{call}");
    }
}

#[test]
fn literals_win_at_every_segment() {
    let lines =
        ["GET /users/{id}", "GET /users/me", "GET /users/{id}/keys", "GET /{kind}/me", "GET /{kind}/{id}"];
    check(
        &lines,
        &[
            ("GET /users/me", "GET /users/me"),
            ("GET /users/7", "GET /users/{id} <- 7"),
            ("GET /things/me", "GET /{kind}/me <- things"),
            ("GET /things/7", "GET /{kind}/{id} <- things 7"),
            ("GET /things/7/keys", "nothing"),
        ],
    );
}

#[test]
fn a_literal_that_leads_nowhere_is_walked_back_from() {
    let lines = ["GET /users/me", "GET /users/{id}/keys", "GET /{kind}/{id}/keys/{key}"];
    check(
        &lines,
        &[
            ("GET /users/me/keys", "GET /users/{id}/keys <- me"),
            ("GET /users/me/keys/1", "GET /{kind}/{id}/keys/{key} <- users me 1"),
            ("GET /users/me/locks", "nothing"),
        ],
    );
}

#[test]
fn the_method_is_part_of_the_match() {
    let lines = ["GET /users/me", "DELETE /users/{id}", "PUT /users/{id}"];
    check(
        &lines,
        &[
            ("DELETE /users/me", "DELETE /users/{id} <- me"),
            ("POST /users/me", "other: GET DELETE PUT HEAD"),
            ("POST /users/7", "other: DELETE PUT"),
            ("POST /user", "nothing"),
        ],
    );
}

#[test]
fn head_takes_gets_operation_unless_it_has_its_own() {
    let lines = ["GET /a", "GET /b", "HEAD /b", "POST /c"];
    check(&lines, &[("HEAD /a", "GET /a"), ("HEAD /b", "HEAD /b"), ("HEAD /c", "other: POST")]);
}

#[test]
fn a_trailing_slash_counts_only_where_both_are_declared() {
    let lines = ["GET /a", "GET /b/", "GET /c", "PUT /c/", "GET /d/{id}", "GET /d/x/", "GET /"];
    check(
        &lines,
        &[
            ("GET /a/", "GET /a"),
            ("GET /b", "GET /b/"),
            ("GET /c/", "GET /c"),
            ("PUT /c", "PUT /c/"),
            ("POST /c", "other: GET PUT HEAD"),
            ("GET /d/x", "GET /d/{id} <- x"),
            ("GET /d/x/", "GET /d/x/"),
            ("GET /", "GET /"),
            ("GET /a//", "nothing"),
        ],
    );
}

#[test]
fn text_around_parameters_goes_before_bare_parameters() {
    let lines = ["GET /r/{id}", "GET /r/{id}.json", "GET /r/{id}.meta.json", "GET /r/{base}...{head}"];
    check(
        &lines,
        &[
            ("GET /r/7", "GET /r/{id} <- 7"),
            ("GET /r/7.json", "GET /r/{id}.json <- 7"),
            ("GET /r/7.meta.json", "GET /r/{id}.meta.json <- 7"),
            ("GET /r/main...dev", "GET /r/{base}...{head} <- main dev"),
            ("GET /r/.json", "GET /r/{id} <- .json"),
            ("GET /r/", "nothing"),
        ],
    );
}

#[test]
fn a_greedy_parameter_takes_what_nothing_else_does() {
    let lines = ["GET /files/{path+}", "GET /files/{id}/meta", "PUT /{all+}"];
    check(
        &lines,
        &[
            ("GET /files/a/b/c", "GET /files/{path+} <- a/b/c"),
            ("GET /files/a/meta", "GET /files/{id}/meta <- a"),
            ("GET /files/a/", "GET /files/{path+} <- a"),
            ("GET /files", "other: PUT"),
            ("PUT /files/a", "PUT /{all+} <- files/a"),
        ],
    );
}

#[test]
fn what_was_tried_and_left_captures_nothing() {
    let lines = ["GET /{a}/x/{b}/1", "GET /{c}/{d}/y/2"];
    check(&lines, &[("GET /p/x/y/2", "GET /{c}/{d}/y/2 <- p x")]);
}

#[test]
fn the_same_method_and_shape_is_declared_once() {
    let mut table = table(&["GET /a/{id}"]);
    let again = Template::parse("/a/{name}").unwrap().0;
    assert_eq!(table.insert(&Method::GET, &again, 9), Err(0));
    assert_eq!(table.insert(&Method::PUT, &again, 9), Ok(()));
}

/// A segment of a template from a small alphabet, so that templates overlap.
fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "me", "{p}", "{p}.json", "v{p}", "{p}-{q}", "a%20b"])
}

fn template() -> impl Strategy<Value = String> {
    (prop::collection::vec(segment(), 0..6), prop::sample::select(vec!["", "/", "/{rest+}"])).prop_map(
        |(segments, end)| {
            let text: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
            if text.is_empty() && end.is_empty() { "/".to_owned() } else { text + end }
        },
    )
}

/// A path a template matches: the template with its parameters filled in.
fn example(template: &str) -> Vec<String> {
    let filled = template.replace("{p}", "7").replace("{q}", "8").replace("{rest+}", "x/y");
    segments(&filled.replace("%20", " "))
}

/// What a template's path must be found as: nothing less literal, segment by segment, than the template itself.
fn rank(template: &Template) -> Vec<u8> {
    let ranks = template.segments().iter().map(|segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Mixed(_) => 1,
        Segment::Any => 2,
        Segment::Rest => 3,
    });
    ranks.collect()
}

proptest! {
    #[test]
    fn every_declared_template_is_found_by_its_own_example(texts in prop::collection::vec(template(), 1..24)) {
        let mut table = Table::default();
        let mut declared: Vec<(String, Template)> = Vec::new();
        for text in texts {
            let template = Template::parse(&text).unwrap().0;
            if table.insert(&Method::GET, &template, declared.len() as Index).is_ok() {
                declared.push((text, template));
            }
        }
        for (text, template) in &declared {
            let path = example(text);
            let Hit::Operation(index, captures) = table.find(&Method::GET, &path) else {
                return Err(TestCaseError::fail(format!("{text} is not found")));
            };
            let (_, found) = &declared[index as usize];
            prop_assert!(rank(found) <= rank(template), "{text} found {found}");
            prop_assert_eq!(captures.len(), found.parameters().len());
        }
    }

    #[test]
    fn the_order_of_declaration_does_not_matter(
        texts in prop::collection::btree_set(template(), 1..12),
        call in template(),
    ) {
        let texts: Vec<String> = texts.into_iter().collect();
        let shapes: std::collections::HashSet<_> =
            texts.iter().map(|text| Template::parse(text).unwrap().0.shape()).collect();
        prop_assume!(shapes.len() == texts.len());
        let forward: Vec<String> = texts.iter().map(|text| format!("GET {text}")).collect();
        let backward: Vec<String> = forward.iter().rev().cloned().collect();
        let call = format!("GET /{}", example(&call).join("/"));
        let look = |lines: &[String]| look(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &call);
        prop_assert_eq!(look(&forward), look(&backward));
    }

    #[test]
    fn any_call_gets_an_answer(
        texts in prop::collection::vec(template(), 0..12),
        call in prop::collection::vec(".{0,6}", 0..9),
    ) {
        let mut table = Table::default();
        for (index, text) in texts.iter().enumerate() {
            let _ = table.insert(&Method::GET, &Template::parse(text).unwrap().0, index as Index);
        }
        let hit = table.find(&Method::GET, &call);
        if let Hit::Operation(index, _) = hit {
            prop_assert!((index as usize) < texts.len());
        }
    }
}
