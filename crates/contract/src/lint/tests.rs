//! Flaws of small documents: the rule, the pointer and the line of each.

use portcullis_document::MemorySources;

use super::*;

/// The flaws from `least` on, as `rule pointer:line`.
fn flaws(text: &str, least: Level) -> Vec<String> {
    let linted = lint(&["api.yaml"], &MemorySources::new().file("api.yaml", text.to_owned()));
    assert_eq!(linted.problems, []);
    let shown = linted.flaws.iter().filter(|flaw| flaw.rule.level >= least);
    shown.map(|flaw| format!("{} {}:{}", flaw.rule.id, flaw.pointer, flaw.place.line())).collect()
}

/// An operation with these lines, of a document that is right in all else.
fn check(operation: &str, expected: &[&str]) {
    let text = format!(
        "openapi: 3.1.0\ninfo: {{ title: x, version: '1' }}\nservers: [{{ url: https://a.example }}]\n\
         security: [{{ token: [] }}]\ncomponents: {{ securitySchemes: {{ token: {{ type: http, scheme: bearer }} }} }}\n\
         paths:\n  /a:\n    post: {operation}\n"
    );
    assert_eq!(flaws(&text, Level::Low), expected, "{operation}");
}

/// A body's schema.
fn check_body(schema: &str, expected: &[&str]) {
    let at = "/paths/~1a/post/requestBody/content/application~1json/schema";
    let expected: Vec<String> = expected.iter().map(|one| one.replace('@', at)).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(
        &format!("{{ requestBody: {{ content: {{ application/json: {{ schema: {schema} }} }} }} }}"),
        &expected,
    );
}

#[test]
fn who_may_call_must_be_said() {
    check("{}", &[]);
    check("{ security: [] }", &["auth.public_write /paths/~1a/post:8"]);
    check("{ security: [{}, { token: [] }] }", &["auth.optional /paths/~1a/post:8"]);
    check("{ security: [{ tokn: [] }] }", &["auth.unknown_scheme /paths/~1a/post/security/0/tokn:8"]);
    let silent = "openapi: 3.1.0\npaths:\n  /a:\n    get: {}\n    put: {}\n";
    assert_eq!(
        flaws(silent, Level::Low),
        ["auth.undeclared /paths/~1a/get:4", "auth.undeclared /paths/~1a/put:5"]
    );
}

#[test]
fn nothing_goes_in_the_clear() {
    let text = "openapi: 3.0.3\nservers: [{ url: 'http://a.example/v1' }, { url: 'http://localhost:80' }]\n\
                security: [{ b: [] }, { k: [] }, { o: [] }]\npaths: {}\ncomponents:\n  securitySchemes:\n    \
                b: { type: http, scheme: Basic }\n    k: { type: apiKey, in: query, name: key }\n    \
                o: { type: oauth2, flows: { implicit: { authorizationUrl: 'http://a.example/o' } } }\n";
    assert_eq!(
        flaws(text, Level::Low),
        [
            "transport.plain /servers/0:2",
            "auth.basic_plain /components/securitySchemes/b:7",
            "auth.plain_oauth /components/securitySchemes/o/flows/implicit/authorizationUrl:9",
            "auth.key_in_query /components/securitySchemes/k:8",
            "auth.weak_flow /components/securitySchemes/o/flows/implicit:9",
        ]
    );
    let old = "swagger: '2.0'\nhost: a.example\nschemes: [https, http]\npaths: {}\n\
               securityDefinitions: { b: { type: basic } }\n";
    assert_eq!(
        flaws(old, Level::Low),
        ["transport.plain /schemes/1:3", "auth.basic_plain /securityDefinitions/b:5"]
    );
    check(
        "{ parameters: [{ name: Token, in: query, schema: { type: string, maxLength: 9 } }] }",
        &["query.credential /paths/~1a/post/parameters/0:8"],
    );
}

#[test]
fn input_has_bounds() {
    check_body("{ type: array, maxItems: 3, items: { enum: [a] } }", &[]);
    check_body("{ type: array, items: { type: string } }", &["input.array @:8", "input.string @/items:8"]);
    check_body("{ type: string, format: uuid }", &[]);
    check_body("{ type: [integer, 'null'], minimum: 0 }", &["input.number @:8"]);
    check_body("{ type: integer, format: int32 }", &[]);
    check_body("{ description: x }", &["input.untyped @:8"]);
    check_body("{ properties: { a: { type: boolean } } }", &["input.open @:8"]);
    check_body("{ type: object, additionalProperties: false }", &[]);
    check_body(
        "{ unevaluatedProperties: false, allOf: [{ properties: { a: { type: string } } }] }",
        &["input.string @/allOf/0/properties/a:8"],
    );
    check(
        "{ requestBody: { content: { text/plain: {} } } }",
        &["input.untyped /paths/~1a/post/requestBody:8"],
    );
}

#[test]
fn what_is_shared_is_told_once() {
    let text = "openapi: 3.1.0\nsecurity: []\npaths:\n  /a:\n    get: &get { parameters: [{ $ref: '#/components/parameters/q' }] }\n  \
                /b:\n    get: { parameters: [{ $ref: '#/components/parameters/q' }] }\ncomponents:\n  parameters:\n    \
                q: { name: q, in: query, schema: { type: string } }\n";
    assert_eq!(flaws(text, Level::Low), ["input.string /components/parameters/q/schema:10"]);
}

#[test]
fn answers_tell_clients_what_to_expect() {
    let text = "openapi: 3.1.0\nsecurity: [{ t: [] }]\ncomponents: { securitySchemes: { t: { type: http, scheme: bearer } } }\n\
                paths:\n  /a/{id}:\n    get:\n      deprecated: true\n      parameters: [{ name: id, in: path, schema: { type: integer, format: int64 } }]\n      \
                responses: { '200': { content: { application/json: { schema: { type: object } } } } }\n";
    assert_eq!(
        flaws(text, Level::Info),
        [
            "path.counted_id /paths/~1a~1{id}/get/parameters/0:8",
            "answer.401 /paths/~1a~1{id}/get:6",
            "answer.429 /paths/~1a~1{id}/get:6",
            "answer.400 /paths/~1a~1{id}/get:6",
            "answer.open /paths/~1a~1{id}/get/responses/200/content/application~1json/schema:9",
            "operation.no_sunset /paths/~1a~1{id}/get:6",
        ]
    );
}

#[test]
fn every_rule_is_described() {
    let page = reference();
    let mut levels: Vec<Level> = RULES.iter().map(|rule| rule.level).collect();
    assert!(levels.is_sorted_by(|one, next| one >= next), "the gravest first");
    levels.dedup();
    assert_eq!(levels, [Level::High, Level::Medium, Level::Low, Level::Info]);
    for rule in RULES {
        assert_eq!(page.matches(&format!("### `{}` (", rule.id)).count(), 1, "{}", rule.id);
        assert!(
            !rule.title.ends_with('.') && rule.why.ends_with('.') && rule.mend.ends_with('.'),
            "{}",
            rule.id
        );
    }
}
