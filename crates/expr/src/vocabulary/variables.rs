//! Every variable, with its type, when it is known, where it can be used and what it is.

use super::{Known, Scope, Type, Variable};
use Known::{Authenticated, End, Located, Operation, Peer, RequestBody, ResponseBody, ResponseHead};
use Scope::{EventOnly, Everywhere, ExchangeOnly, FindingOnly, OperationOnly};

const SCHEMES: &[&str] = &["http", "https"];
const VERSIONS: &[&str] = &["1.0", "1.1", "2"];
const TLS_VERSIONS: &[&str] = &["1.2", "1.3"];
const PROOFS: &[&str] = &["jwt", "api_key", "mtls", "basic"];
const STANDINGS: &[&str] = &["documented", "shadow", "zombie"];
const ACTIONS: &[&str] = &["pass", "monitor", "mask", "redirect", "throttle", "challenge", "block", "ban"];
const DIRECTIONS: &[&str] = &["ingress", "egress"];
const ANSWERERS: &[&str] = &["upstream", "gateway"];
const KINDS: &[&str] = &[
    "shadow_operation",
    "zombie_called",
    "dormant_called",
    "sensitive_field",
    "auth_dropped",
    "contract_drift",
    "path_flood",
    "credential_stuffing",
    "password_spraying",
    "account_guessing",
];
const SEVERITIES: &[&str] = &["info", "low", "medium", "high", "critical"];
const ENDS: &[&str] = &["complete", "ongoing", "client_gone", "upstream_failed", "stopped", "timed_out"];

const LEARNED_STANDINGS: &[&str] = &["documented", "dormant", "shadow", "zombie"];
const POSTURES: &[&str] = &["never", "sometimes", "always"];
const RISKS: &[&str] = &["low", "medium", "high", "critical"];

/// Makes the enum and the table from the same lines, so that neither can miss one.
macro_rules! variables {
    ($($var:ident $name:literal $ty:expr, $known:ident, $scope:ident, $doc:literal;)*) => {
        /// A variable; what each one is stands in [`vocabulary`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Var {
            $(#[doc = $doc] $var,)*
        }

        const TABLE: &[Variable] = &[
            $(Variable { var: Var::$var, name: $name, ty: $ty, known: $known, scope: $scope, doc: $doc },)*
        ];

        impl Var {
            /// Its line in the table.
            pub const fn variable(self) -> &'static Variable {
                match self {
                    $(Self::$var => &Variable {
                        var: Var::$var, name: $name, ty: $ty, known: $known, scope: $scope, doc: $doc,
                    },)*
                }
            }
        }
    };
}

variables! {
    Method "method" Type::String, Peer, Everywhere, "The request method, as sent: `GET`.";
    Scheme "scheme" Type::Word(SCHEMES), Peer, Everywhere, "`http` or `https`, as the client connected.";
    Host "host" Type::String, Peer, Everywhere, "The host asked for: lower case, no port, no trailing dot.";
    Path "path" Type::String, Peer, Everywhere, "The path in its normal form (RFC 3986 §6.2.2), as it is judged and forwarded.";
    QueryString "query_string" Type::String, Peer, Everywhere, "The query as sent, without the `?`; in events, sensitive values are replaced.";
    Query "query" Type::Fields, Peer, ExchangeOnly, "Query parameters, decoded: `query.page`.";
    Headers "headers" Type::Fields, Peer, Everywhere, "Request header fields by name, in any case: `headers[\"x-api-key\"]`; in events, as far as the archive keeps them, sensitive ones replaced.";
    Cookies "cookies" Type::Fields, Peer, ExchangeOnly, "Request cookies by name: `cookies.session`.";
    ContentType "content_type" Type::String, Peer, Everywhere, "The request body's media type: lower case, no parameters.";
    ContentLength "content_length" Type::Int, Peer, ExchangeOnly, "The request body's declared length in bytes; null where it declares none.";
    UserAgent "user_agent" Type::String, Peer, Everywhere, "What the client says it is.";
    HttpVersion "http_version" Type::Word(VERSIONS), Peer, Everywhere, "`1.0`, `1.1` or `2`.";
    Ip "ip" Type::Ip, Peer, Everywhere, "The client's address, behind trusted proxies.";
    Country "country" Type::String, Peer, Everywhere, "The country of the client's address, `country == \"de\"` (ISO 3166, lower case); null where `geo.country` does not know it.";
    Asn "asn" Type::Int, Peer, Everywhere, "The autonomous system of the client's address, `asn == 3320`; null where `geo.asn` does not know it.";
    PeerIp "peer.ip" Type::Ip, Peer, Everywhere, "The address the connection came from: a trusted proxy's, where there is one.";
    PeerListener "peer.listener" Type::String, Peer, Everywhere, "The listener it came in on, as the policy writes its address.";
    Tls "tls" Type::Group, Peer, Everywhere, "There if the client's connection is encrypted, else null.";
    TlsVersion "tls.version" Type::Word(TLS_VERSIONS), Peer, Everywhere, "`1.2` or `1.3`.";
    TlsCipher "tls.cipher" Type::String, Peer, Everywhere, "The cipher suite's IANA name.";
    TlsServerName "tls.server_name" Type::String, Peer, Everywhere, "The server name the client asked for (SNI), lower case.";
    TlsAlpn "tls.alpn" Type::String, Peer, Everywhere, "The protocol ALPN chose.";
    TlsJa4 "tls.ja4" Type::String, Peer, Everywhere, "The JA4 fingerprint of what the client's TLS offered.";
    TlsClient "tls.client" Type::Group, Peer, Everywhere, "There if the client showed a certificate and it was verified, else null.";
    TlsClientCommonName "tls.client.common_name" Type::String, Peer, Everywhere, "The certificate's common name.";
    TlsClientDnsNames "tls.client.dns_names" Type::Strings, Peer, Everywhere, "The certificate's DNS names.";
    TlsClientUris "tls.client.uris" Type::Strings, Peer, Everywhere, "The certificate's URIs, SPIFFE ids among them.";
    TlsClientFingerprint "tls.client.fingerprint" Type::String, Peer, Everywhere, "SHA-256 of the certificate, in lower case hexadecimal.";
    Time "time" Type::Time, Peer, Everywhere, "When the request's first byte was read.";
    Id "id" Type::String, Peer, Everywhere, "The exchange's id, as refusals show it to the client.";
    Direction "direction" Type::Word(DIRECTIONS), Peer, Everywhere, "`ingress`, towards a site, or `egress`, out of it.";
    Site "site" Type::String, Located, Everywhere, "The site's name in the policy; null where no site is named like the host.";
    Route "route" Type::String, Located, Everywhere, "The route's name; null outside every route.";
    Caller "caller" Type::String, Authenticated, Everywhere, "The key the caller is counted under: `identity:PROVIDER/SUBJECT`, `ip:203.0.113.9` or `ip:2001:db8:1:2::/64`.";
    Identity "identity" Type::Group, Authenticated, Everywhere, "There if a credential proved an identity, else null.";
    IdentityProvider "identity.provider" Type::String, Authenticated, Everywhere, "The provider that proved it, by its name in the policy.";
    IdentitySubject "identity.subject" Type::String, Authenticated, Everywhere, "Whom the provider names.";
    IdentityProof "identity.proof" Type::Word(PROOFS), Authenticated, Everywhere, "How it was proved.";
    IdentityGroups "identity.groups" Type::Strings, Authenticated, Everywhere, "Its groups, roles or scopes: `\"admin\" in identity.groups`.";
    IdentityClaims "identity.claims" Type::Json, Authenticated, ExchangeOnly, "The claims of the token that proved it: `identity.claims.tenant`.";
    Operation "operation" Type::String, Operation, Everywhere, "The operation by name, `GET /customers/{customerId}`; null where there is none.";
    OperationId "operation_id" Type::String, Operation, Everywhere, "The operation's stable id, kept when it is renamed.";
    Standing "standing" Type::Word(STANDINGS), Operation, Everywhere, "Where the operation stands against the contract; null where the site declares none.";
    Params "params" Type::Fields, Operation, ExchangeOnly, "The path parameters of the operation, decoded: `params.customerId`.";
    Body "body" Type::Json, RequestBody, ExchangeOnly, "The request's body, from JSON, a form or multipart: `body.customer.email`. A rule that reads it makes the body held.";
    Status "status" Type::Int, ResponseHead, Everywhere, "The response's status.";
    ResponseHeaders "response.headers" Type::Fields, ResponseHead, ExchangeOnly, "Response header fields by name, in any case.";
    ResponseContentType "response.content_type" Type::String, ResponseHead, Everywhere, "The response body's media type: lower case, no parameters.";
    ResponseBody "response.body" Type::Json, ResponseBody, ExchangeOnly, "The response's body. A rule that reads it makes the body held.";
    Data "data" Type::Strings, ResponseBody, Everywhere, "The classes of sensitive data in the response's body, where it was looked at: `\"email\" in data`. A rule that reads it makes the body held.";
    Verdict "verdict" Type::Word(ACTIONS), End, EventOnly, "What was done.";
    WouldHave "would_have" Type::Word(ACTIONS), End, EventOnly, "What would have been done without monitor mode, where that is stricter; else null.";
    Reasons "reasons" Type::Strings, End, EventOnly, "The codes of all reasons: `\"rules.block\" in reasons`.";
    DecidedBy "decided_by" Type::Strings, End, EventOnly, "The rules, limits, lists and providers that gave a reason, by name.";
    Duration "duration" Type::Duration, End, EventOnly, "From the request's first byte to the response's last: `duration > duration(\"2s\")`.";
    Trace "trace" Type::String, End, EventOnly, "The id of the trace it belongs to, where policy wants traces.";
    RequestBytes "request_bytes" Type::Int, End, EventOnly, "Body bytes received.";
    ResponseBytes "response_bytes" Type::Int, End, EventOnly, "Body bytes sent.";
    AnsweredBy "answered_by" Type::Word(ANSWERERS), End, EventOnly, "Who made the response.";
    Ended "ended" Type::Word(ENDS), End, EventOnly, "How the exchange ended.";
    Progress "progress" Type::Int, End, EventOnly, "For an exchange still going on, the number of this report; else null.";
    UpstreamServer "upstream.server" Type::String, End, EventOnly, "The server that answered or was tried last; null where nothing was sent.";
    UpstreamAttempts "upstream.attempts" Type::Int, End, EventOnly, "How many tries were made.";
    UpstreamStatus "upstream.status" Type::Int, End, EventOnly, "The status it answered.";
    UpstreamTime "upstream.time" Type::Duration, End, EventOnly, "From asking it to the head of its response.";
    UpstreamError "upstream.error" Type::String, End, EventOnly, "What went wrong with it.";
    FindingKind "finding.kind" Type::Word(KINDS), End, FindingOnly, "What kind of thing it is.";
    FindingSeverity "finding.severity" Type::Word(SEVERITIES), End, FindingOnly, "How much it matters: `finding.severity >= \"high\"`.";
    FindingSite "finding.site" Type::String, End, FindingOnly, "The site it is about.";
    FindingOperation "finding.operation" Type::String, End, FindingOnly, "The operation it is about, by name; null where it is about none.";
    FindingOperationId "finding.operation_id" Type::String, End, FindingOnly, "That operation's stable id.";
    FindingStanding "finding.standing" Type::Word(STANDINGS), End, FindingOnly, "Where that operation stood against the contract; null where nothing is said of it.";
    FindingSubject "finding.subject" Type::String, End, FindingOnly, "What of the operation: a field's place, a parameter; empty if all of it.";
    FindingData "finding.data" Type::Strings, End, FindingOnly, "The classes of sensitive data it is about: `\"iban\" in finding.data`.";
    FindingCount "finding.count" Type::Int, End, FindingOnly, "In how many exchanges it was met.";
    FindingFirst "finding.first" Type::Time, End, FindingOnly, "When it was met first.";
    FindingLast "finding.last" Type::Time, End, FindingOnly, "When it was met last.";
    LearnedSite "site" Type::String, End, OperationOnly, "The site's name in the policy.";
    LearnedMethod "method" Type::String, End, OperationOnly, "Its method: `GET`.";
    LearnedPath "path" Type::String, End, OperationOnly, "Its template: `/customers/{customerId}`.";
    LearnedName "operation" Type::String, End, OperationOnly, "Method and template: `GET /customers/{customerId}`.";
    LearnedId "operation_id" Type::String, End, OperationOnly, "Its stable id.";
    LearnedStanding "standing" Type::Word(LEARNED_STANDINGS), End, OperationOnly, "Where it stands against the contract; null where the site declares none and nothing else speaks against it.";
    LearnedSince "since" Type::Time, End, OperationOnly, "Since when it stands so.";
    LearnedData "data" Type::Strings, End, OperationOnly, "The classes of sensitive data in its requests and answers, but for those a name alone speaks for: `data.contains(\"email\")`.";
    LearnedCalls "calls" Type::Strings, End, OperationOnly, "What is called by name on its path, or declared to be: `\"mutation drop\" in calls`.";
    LearnedAuthenticated "authenticated" Type::Word(POSTURES), End, OperationOnly, "Whether its callers say who they are; null where nobody was answered.";
    LearnedRisk "risk" Type::Word(RISKS), End, OperationOnly, "How much there is to fear: `risk >= HIGH`.";
    LearnedCount "count" Type::Int, End, OperationOnly, "How many exchanges it had, estimated where not all were looked at; 0 where it was never called.";
    LearnedCallers "callers" Type::Int, End, OperationOnly, "How many callers it had, estimated where they were many.";
    LearnedFirst "first_seen" Type::Time, End, OperationOnly, "When it was called first; null where it never was.";
    LearnedLast "last_seen" Type::Time, End, OperationOnly, "When it was called last: `last_seen < timestamp(\"2026-01-31T00:00:00Z\")`.";
    LearnedVersion "version" Type::String, End, OperationOnly, "The version its path names: `v1`; null where it names none.";
    LearnedVersions "versions" Type::Strings, End, OperationOnly, "The versions its path, fields and media types name: `\"2026-01-31\" in versions`.";
    LearnedDeprecated "deprecated" Type::Bool, End, OperationOnly, "Whether the contract or its answers say that it should not be called any more.";
    LearnedIgnored "ignored" Type::Bool, End, OperationOnly, "Whether `portcullis api ignore` put it out of mind; a condition that does not ask leaves such operations out.";
    LearnedHosts "hosts" Type::Strings, End, OperationOnly, "The hosts it was called at.";
    LearnedDrift "drift" Type::Int, End, OperationOnly, "In how many places traffic and contract differ.";
}

/// Every variable, in the order people read them.
pub const fn vocabulary() -> &'static [Variable] {
    TABLE
}

impl Var {
    /// Its name, `identity.subject`.
    pub const fn name(self) -> &'static str {
        self.variable().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum_and_names_are_unique() {
        for (line, variable) in TABLE.iter().enumerate() {
            assert_eq!(variable.var as usize, line);
            // An operation's variables may be named like an exchange's: no place knows both.
            let is_of_operations = |one: &Variable| one.scope == OperationOnly;
            assert!(
                TABLE.iter().skip(line + 1).all(|other| other.name != variable.name
                    || is_of_operations(other) != is_of_operations(variable)),
                "{}",
                variable.name
            );
            assert!(variable.doc.ends_with('.'), "{} has no sentence", variable.name);
        }
    }

    #[test]
    fn words_of_findings_are_those_of_the_model_in_their_order() {
        use portcullis_model::finding::{FindingKind, Severity};
        assert!(KINDS.iter().copied().eq(FindingKind::ALL.iter().map(|kind| kind.as_str())));
        assert!(SEVERITIES.iter().copied().eq(Severity::ALL.iter().map(|severity| severity.as_str())));
    }

    #[test]
    fn what_rules_do_not_have_is_known_at_the_end() {
        for variable in TABLE {
            let is_later = matches!(variable.scope, EventOnly | FindingOnly | OperationOnly);
            assert_eq!(is_later, variable.known == End, "{}", variable.name);
        }
    }
}
