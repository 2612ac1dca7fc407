//! The rules: what each is called, how much it matters, why, and what to do.
//!
//! Invariant: an id never changes its meaning; [`RULES`] has every rule once.

use super::Level;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, for good: `auth.undeclared`.
    pub id: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What is wrong, without a full stop.
    pub title: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub mend: &'static str,
}

macro_rules! rules {
    ($($name:ident = $level:ident $id:literal, $title:literal, $why:literal, $mend:literal;)*) => {
        $(pub(super) static $name: Rule =
            Rule { id: $id, level: Level::$level, title: $title, why: $why, mend: $mend };)*
        /// Every rule, the gravest first.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    NO_AUTH = High "auth.undeclared", "No authentication is declared",
        "Neither the operation nor the document says what a caller must prove, so nothing can hold a caller to it, and nobody can tell an oversight from a public operation.",
        "Declare `security` for the document, and `security: []` where anybody may call.";
    UNKNOWN_SCHEME = High "auth.unknown_scheme", "The security scheme that is asked for is not declared",
        "A requirement nobody can look up protects nothing.",
        "Declare it under `components.securitySchemes` (2.0: `securityDefinitions`).";
    PLAIN_HTTP = High "transport.plain", "A server is spoken to without TLS",
        "Credentials and data can be read and changed on the way.",
        "Write `https://`; for 2.0, `schemes: [https]`.";
    BASIC_PLAIN = High "auth.basic_plain", "Basic authentication without TLS",
        "Name and password go over the wire readable with every request, and a server of this document is `http`.",
        "Use TLS for every server, and tokens in the place of passwords.";
    PLAIN_OAUTH = High "auth.plain_oauth", "An OAuth 2 endpoint is reached without TLS",
        "Codes and tokens can be taken on the way (RFC 6749 §3.1, §3.2 ask for TLS).",
        "Write `https://`.";
    PUBLIC_WRITE = Medium "auth.public_write", "Anybody may change something",
        "The operation is declared public and its method is not a safe one.",
        "Ask for a credential, or for a limit on callers where it must be public, as with a login.";
    OPTIONAL_AUTH = Medium "auth.optional", "Authentication is optional",
        "`{}` among the alternatives lets everybody in; where the server answers more to those who prove themselves, a missing check is not noticed.",
        "Take `{}` out, or declare the public part as an operation of its own.";
    KEY_IN_QUERY = Medium "auth.key_in_query", "An API key stands in the query",
        "Queries are kept in logs, histories and `Referer` fields.",
        "Carry it in a header field: `in: header`.";
    CREDENTIAL_IN_QUERY = Medium "query.credential", "A credential is a query parameter",
        "Queries are kept in logs, histories and `Referer` fields.",
        "Send it in the body or in a header field.";
    BASIC = Medium "auth.basic", "Basic authentication",
        "The password itself is sent with every request, cannot be limited to a purpose and is seldom changed.",
        "Use bearer tokens or client certificates.";
    INPUT_UNTYPED = Medium "input.untyped", "Input of which nothing is said",
        "Whatever a client sends fits, so nothing can be refused.",
        "Give it a schema with a `type`.";
    INPUT_ARRAY = Medium "input.array", "A list without a bound",
        "A client may send as many items as fit into a body, and each may cost the server work.",
        "Set `maxItems`.";
    WEAK_FLOW = Low "auth.weak_flow", "An OAuth 2 flow that is given up",
        "`implicit` shows tokens in URLs and `password` gives passwords to clients (RFC 9700 §2.1.2, §2.4).",
        "Use `authorizationCode` with PKCE, or `clientCredentials` between machines.";
    INPUT_STRING = Low "input.string", "A text without a bound",
        "A client may send as much as fits into a body, to be stored, searched or matched.",
        "Set `maxLength`, or list what is allowed in `enum`.";
    INPUT_NUMBER = Low "input.number", "A number without bounds",
        "Very large, negative or odd numbers reach arithmetic that was not made for them.",
        "Set `minimum` and `maximum`, or `format: int32`.";
    INPUT_OPEN = Low "input.open", "An object that takes any field",
        "Fields that nobody declared reach the server, which may bind them to what clients must not set (mass assignment).",
        "Set `additionalProperties: false`, with `allOf` `unevaluatedProperties: false`; or `contract_checks: { undeclared: fault }` in the policy.";
    COUNTED_ID = Info "path.counted_id", "A path parameter is a whole number",
        "Numbers that count up can be walked through by a stranger where a check of ownership is missing.",
        "Use ids that cannot be guessed (UUIDs), or limit how many different ones a caller may ask for (`distinct`).";
    NO_401 = Info "answer.401", "No answer to callers without a credential",
        "A client cannot tell how it is told that its credential is missing or wrong; with `response: block` the answer would be withheld.",
        "Declare `401` (and `403`), or `4XX`.";
    NO_429 = Info "answer.429", "No answer to callers who ask too often",
        "A client that does not know of `429` tries again at once.",
        "Declare `429` with `Retry-After`, or `4XX`.";
    NO_400 = Info "answer.400", "No answer to requests that are wrong",
        "The operation takes input and does not say how it refuses it.",
        "Declare `400`, `404` or `422`, or `4XX`.";
    ANSWER_OPEN = Info "answer.open", "An answer of which little is said",
        "Where any field may be answered, a field that should not be there is not noticed, and `response: strip` cuts nothing.",
        "Declare the fields, without `additionalProperties: true`.";
    NO_SUNSET = Info "operation.no_sunset", "Deprecated, and no day when it ends",
        "Without a day nobody moves, and the operation stays as a zombie.",
        "Add `x-sunset: \"2027-03-31\"`.";
}
