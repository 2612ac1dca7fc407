//! The tags the gateway sets by itself, by namespace.

use super::Known;

/// One namespace of automatic tags.
#[derive(Clone, Copy, Debug)]
pub struct Namespace {
    /// The part before the colon.
    pub name: &'static str,
    /// When its tags are set.
    pub known: Known,
    /// Every value it can have, where they are few.
    pub values: Option<&'static [&'static str]>,
    /// What it says, as a sentence.
    pub doc: &'static str,
}

macro_rules! namespaces {
    ($($name:literal $known:ident $values:expr, $doc:literal;)*) => {
        const TABLE: &[Namespace] = &[
            $(Namespace { name: $name, known: Known::$known, values: $values, doc: $doc },)*
        ];
    };
}

namespaces! {
    "ip" Peer None, "The client's address.";
    "net" Peer None, "What kind of network the client's address belongs to.";
    "country" Peer None, "The country of the client's address (ISO 3166, `country:de`), or `unknown`; none without `geo.country`.";
    "asn" Peer None, "The autonomous system of the client's address (`asn:3320`), or `unknown`; none without `geo.asn`.";
    "method" Peer None, "The request method.";
    "host" Peer None, "The host asked for.";
    "tls" Peer None, "The TLS version, or `none`.";
    "http" Peer None, "The HTTP version.";
    "ja4" Peer None, "The JA4 fingerprint of what the client's TLS offered.";
    "client" Peer None, "The library or tool the user agent names; `browser`, `headless`, or `none` without one.";
    "bot" Peer Some(&["declared", "impossible_agent", "header_order"]), "What gives a program away: that it says so, or that a browser would not send this.";
    "crawler" Peer None, "The well-known crawler the user agent names, and `verified`, `unverified` or `pending`: whether the address is in the list of that name or, without one, has a name in the DNS that is that crawler's; `pending` while that is asked.";
    "list" Peer None, "The policy's lists the client's address is in.";
    "site" Located None, "The site.";
    "route" Located None, "The route.";
    "challenge" Located Some(&["passed"]), "`challenge:passed` where the browser proved itself to this site and need not do so again.";
    "caller" Authenticated Some(&["known", "unknown"]), "Whether a credential proved an identity.";
    "identity" Authenticated None, "The provider that proved the identity.";
    "auth" Authenticated Some(&["jwt", "api_key", "mtls", "basic", "failed"]), "How the identity was proved; `failed` where a credential was shown and is not valid.";
    "op" Operation None, "The operation.";
    "api" Operation Some(&["documented", "shadow", "zombie"]), "Where the operation stands against the contract.";
    "contract" RequestBody Some(&["valid", "invalid"]), "Whether the request is what the contract says, where `contract_checks` looks.";
    "call" RequestBody None, "What the request calls by name where one path takes many: JSON-RPC methods (`call:user.get`), SOAP actions, fields of GraphQL's root types (`call:mutation drop`); `call:*` where it calls more than are told.";
    "filter" RequestBody None, "The classes of attack the content filter found in the request.";
    "limit" RequestBody None, "The limits it exceeded.";
    "status" ResponseHead None, "The response's status.";
    "data" ResponseBody Some(&["email", "phone", "payment_card", "iban", "us_ssn", "secret"]), "The classes of sensitive data in the response's body, where it was looked at.";
    "status-class" ResponseHead Some(&["1xx", "2xx", "3xx", "4xx", "5xx"]), "The class of the response's status.";
    "response" ResponseBody Some(&["valid", "invalid"]), "Whether the response is what the contract says, where `contract_checks` looks.";
}

/// Every namespace of automatic tags.
pub const fn namespaces() -> &'static [Namespace] {
    TABLE
}

/// When an automatic tag (or any beginning of one) is known; `None` for a namespace only rules set.
///
/// Rules can set tags in any namespace, later than this; who knows the rules takes the latest.
pub fn tag_known(tag: &str) -> Option<Known> {
    let namespace = tag.split_once(':').map_or(tag, |(namespace, _)| namespace);
    TABLE.iter().find(|known| known.name == namespace).map(|known| known.known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_tags_are_known_by_namespace() {
        assert_eq!(tag_known("api:shadow"), Some(Known::Operation));
        assert_eq!(tag_known("status-class:5xx"), Some(Known::ResponseHead));
        assert_eq!(tag_known("team:billing"), None);
    }
}
