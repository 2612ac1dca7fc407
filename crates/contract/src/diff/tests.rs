//! Two versions of an operation, and what is told of their differences.

use portcullis_document::MemorySources;

use super::*;

fn told(old: &str, new: &str) -> Vec<String> {
    let sources = MemorySources::new().file("old.yaml", old.to_owned()).file("new.yaml", new.to_owned());
    let diffed = diff(&["old.yaml"], &["new.yaml"], &sources);
    assert_eq!(diffed.problems, []);
    let shown = |change: &Change| {
        let mark = if change.impact == Impact::Breaking { "!" } else { "" };
        let subject = if change.subject.is_empty() { &change.operation } else { &change.subject };
        format!("{mark}{} {subject}: {}", change.kind.as_str(), change.what)
    };
    diffed.changes.iter().map(shown).collect()
}

fn document(operation: &str) -> String {
    format!("openapi: 3.1.0\npaths:\n  /a/{{id}}:\n    post: {operation}\n")
}

fn check(old: &str, new: &str, expected: &[&str]) {
    assert_eq!(told(&document(old), &document(new)), expected, "{old} -> {new}");
    assert!(told(&document(old), &document(old)).is_empty(), "{old} is itself");
}

/// The same schema sent and answered.
fn check_schema(old: &str, new: &str, sent: &[&str], answered: &[&str]) {
    let body = |schema: &str| {
        format!("{{ requestBody: {{ content: {{ application/json: {{ schema: {schema} }} }} }} }}")
    };
    let answer = |schema: &str| {
        format!("{{ responses: {{ '200': {{ content: {{ application/json: {{ schema: {schema} }} }} }} }} }}")
    };
    check(&body(old), &body(new), sent);
    let answered: Vec<String> = answered.iter().map(|one| one.replace("body", "response.200.body")).collect();
    check(&answer(old), &answer(new), &answered.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn operations_come_and_go() {
    let old = "openapi: 3.1.0\npaths:\n  /a/{x}: { get: {} }\n  /b: { get: { deprecated: true }, put: {} }\n";
    let new = "openapi: 3.1.0\npaths:\n  /b: { put: { deprecated: true, x-sunset: '2027-01-01' } }\n  /c: { get: {} }\n  /a/{y}: { get: {} }\n";
    assert_eq!(
        told(old, new),
        [
            "!removed GET /b: it is not declared any more; it was deprecated",
            "deprecated PUT /b: it should not be called any more, and ends on 2027-01-01",
            "added GET /c: it can be called",
        ]
    );
}

#[test]
fn parameters_are_compared_by_place_and_name() {
    let with = |parameters: &str| format!("{{ parameters: [{parameters}] }}");
    let limit = "{ name: limit, in: query, schema: { type: integer, maximum: 100 } }";
    check(&with(""), &with(limit), &["added query.limit: it may be sent"]);
    check(&with(limit), &with(""), &["!removed query.limit: it is not taken any more"]);
    check(
        &with(limit),
        &with(
            "{ name: limit, in: query, required: true, deprecated: true, schema: { type: number, maximum: 50 } }",
        ),
        &[
            "deprecated query.limit: it is to be used no more",
            "!changed query.limit: it must be there now",
            "changed query.limit: type integer became number",
            "!changed query.limit: maximum 100 became 50",
        ],
    );
    check(
        &with("{ name: X-Key, in: header, required: true }"),
        &with("{ name: x-key, in: header, required: true }"),
        &[],
    );
}

#[test]
fn requests_may_be_allowed_more_and_responses_promise_more() {
    let thing = |inner: &str| format!("{{ type: object, properties: {{ a: {inner} }} }}");
    let string = thing("{ type: string }");
    check_schema(
        &string,
        &thing("{ type: [string, 'null'] }"),
        &["changed body.a: type string became null or string"],
        &["!changed body.a: type string became null or string"],
    );
    check_schema(
        &thing("{ enum: [x, y] }"),
        &thing("{ enum: [y, z] }"),
        &["!changed body.a: values gone: \"x\"; new: \"z\""],
        &["!changed body.a: values gone: \"x\"; new: \"z\""],
    );
    check_schema(
        &thing("{ enum: [x, y] }"),
        &thing("{ enum: [x] }"),
        &["!changed body.a: values gone: \"y\""],
        &["changed body.a: values gone: \"y\""],
    );
    check_schema(
        &string,
        &thing("{ type: string, format: uuid }"),
        &["!changed body.a: format none became uuid"],
        &["changed body.a: format none became uuid"],
    );
    check_schema(
        &thing("{ type: string, maxLength: 5 }"),
        &thing("{ type: string, maxLength: 9, minLength: 1 }"),
        &["!changed body.a: minLength none became 1", "changed body.a: maxLength 5 became 9"],
        &[],
    );
}

#[test]
fn fields_come_and_go_with_all_below_them() {
    let old = "{ properties: { a: { type: string } } }";
    let new =
        "{ required: [c], properties: { a: { type: string }, c: { properties: { d: { type: string } } } } }";
    check_schema(old, new, &["!added body.c: it must be sent"], &["added body.c: it may be answered"]);
    check_schema(
        new,
        old,
        &["!removed body.c: it is not taken any more"],
        &["!removed body.c: it is not answered any more"],
    );
    check_schema(
        old,
        "{ properties: { a: { type: string, readOnly: true } } }",
        &["!removed body.a: it is not taken any more"],
        &[],
    );
    check_schema(
        old,
        "{ required: [a], additionalProperties: false, properties: { a: { type: string } } }",
        &["!changed body: other fields must not be sent now", "!changed body.a: it must be there now"],
        &["changed body.a: it must be there now"],
    );
}

#[test]
fn calls_by_name() {
    let list = |calls: &str| format!("{{ x-portcullis-calls: [{calls}] }}");
    let call = |name: &str| format!("{{ protocol: JSON-RPC, name: {name} }}");
    let old = |name: &str| format!("{{ protocol: JSON-RPC, name: {name}, deprecated: true }}");
    check(
        &list(&[call("a"), call("b"), call("c"), old("d")].join(", ")),
        &list(&[call("a"), old("b"), call("e")].join(", ")),
        &[
            "deprecated call b: it should not be called any more",
            "!removed call c: it is not declared any more, and was not deprecated before",
            "!removed call d: it is not declared any more; it was deprecated",
            "added call e: it can be called",
        ],
    );
    check("{}", &list(&call("a")), &["added call a: it can be called"]);
    check(&list(&call("a")), "{}", &[]);
}

#[test]
fn media_types_statuses_and_proofs() {
    check(
        "{ requestBody: { content: { application/json: {}, text/xml: {} } }, responses: { '200': {}, '404': {} } }",
        "{ requestBody: { required: true, content: { application/json: {} } }, responses: { '201': {} } }",
        &[
            "!changed body: it must be there now",
            "!removed body(text/xml): it is not taken any more",
            "!removed response.200: it is not answered any more",
            "added response.201: it may be answered",
            "removed response.404: it is not answered any more",
        ],
    );
    check(
        "{ security: [] }",
        "{ security: [{ t: [r] }] }",
        &["!changed security: callers proved nothing, and prove t and t:r now"],
    );
    check(
        "{ security: [{ t: [] }] }",
        "{ security: [{ t: [] }, { k: [] }] }",
        &["changed security: callers proved t, and prove k, or t now"],
    );
}

#[test]
fn a_schema_that_contains_itself_is_compared_to_a_depth() {
    let tree = |extra: &str| {
        format!(
            "openapi: 3.1.0\npaths: {{ /a: {{ get: {{ responses: {{ '200': {{ content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/T' }} }} }} }} }} }} }} }}\n\
             components: {{ schemas: {{ T: {{ properties: {{ t: {{ $ref: '#/components/schemas/T' }}{extra} }} }} }} }}\n"
        )
    };
    assert!(told(&tree(""), &tree(", n: {}")).len() > 1);
}
