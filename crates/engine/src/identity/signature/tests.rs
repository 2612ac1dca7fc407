//! Signatures as RFC 9421 gives them, and what is changed of them.

use jsonwebtoken::Algorithm;
use portcullis_model::{Headers, Peer, Version};
use portcullis_model::{RequestHead, Scheme};
use portcullis_wire::Query;

use super::*;
use crate::identity::NoProofs;

/// RFC 9421 B.1.4 and B.1.5.
const ED25519: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n";
const SHARED: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
/// When the signatures of appendix B.2 were made.
const MADE: i64 = 1_618_884_473;

/// The request of appendix B.2, with the fields of a signature.
fn request(signature: &[(&'static str, &str)]) -> RequestHead {
    let fields = [
        ("Host", "example.com"),
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        (
            "Content-Digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        ),
        ("Content-Length", "18"),
    ];
    let headers: Headers = fields.iter().chain(signature).copied().collect();
    RequestHead {
        method: http::Method::POST,
        target: "/foo?param=Value&Pet=dog".into(),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Https,
        headers,
    }
}

fn key(algorithm: Algorithm, name: &'static str, bytes: &[u8]) -> SigningKey {
    let keys = JwtKeys::from_static(bytes, &[algorithm]).expect("a key");
    let (subject, groups, scopes) = ("signer".into(), Vec::new(), Vec::new());
    SigningKey { algorithm, name, keys, subject, groups, scopes }
}

fn signatures(cover: &[&str]) -> Signatures {
    let shared = base64::engine::general_purpose::STANDARD.decode(SHARED).expect("base64");
    Signatures {
        keys: [
            ("test-key-ed25519".into(), key(Algorithm::EdDSA, "ed25519", ED25519.as_bytes())),
            ("test-shared-secret".into(), key(Algorithm::HS256, "hmac-sha256", &shared)),
        ]
        .into_iter()
        .collect(),
        cover: cover.iter().map(SmolStr::new).collect(),
        max_age: Duration::from_mins(5),
        leeway: Duration::from_secs(30),
        tag: None,
        once: true,
    }
}

/// Whom it proves, or why nobody.
fn prove(signatures: &Signatures, head: &RequestHead, now: i64) -> Result<Signed, &'static str> {
    let peer =
        Peer { address: "203.0.113.9:4000".parse().expect("an address"), listener: "l".into(), tls: None };
    let query = Query::new("");
    let presented =
        Presented { head, has_body: true, query, peer: &peer, proofs: &NoProofs, replies: &[], site: "s" };
    let node = NodeKeys::derive(b"x");
    match signatures.prove(&"signed".into(), &presented, &node, Timestamp::from_secs(now)) {
        Some(Finding::Signed(identity, signed)) => {
            assert_eq!((&*identity.subject, identity.proof), ("signer", Proof::Signature));
            Ok(signed)
        }
        Some(Finding::Fails(why)) => Err(why),
        _ => Err("nothing was shown"),
    }
}

const HMAC: [(&str, &str); 2] = [
    (
        "Signature-Input",
        r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
    ),
    ("Signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"),
];
const ED: [(&str, &str); 2] = [
    (
        "Signature-Input",
        r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
    ),
    (
        "Signature",
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
];

#[test]
fn the_signatures_of_the_standard_are_valid() {
    for signature in [HMAC, ED] {
        let signed = prove(&signatures(&["date"]), &request(&signature), MADE + 60).expect("valid");
        assert!(signed.once().is_some() && signed.digest.is_none());
    }
    // Several labels, and a field in two lines.
    let both = [HMAC[0], ED[0], ED[1], ("Signature", "sig-b25=:AAAA:")];
    assert!(prove(&signatures(&["@method"]), &request(&both), MADE).is_ok());
}

#[test]
fn whatever_is_changed_of_them_they_prove_nothing() {
    let known = signatures(&["date"]);
    let check =
        |head: &RequestHead, now: i64, why: &str| assert_eq!(prove(&known, head, now).err(), Some(why));
    for change in ["/bar", "/foo/?param=Value", "/%66oo"] {
        check(&RequestHead { target: change.into(), ..request(&ED) }, MADE, NOT_SIGNED);
    }
    check(&RequestHead { method: http::Method::PUT, ..request(&ED) }, MADE, NOT_SIGNED);
    check(&request(&[ED[0], ("Signature", "sig-b26=:AAAA:")]), MADE, NOT_SIGNED);
    check(
        &request(&[HMAC[0], ("Signature", "sig-b25=:qxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:")]),
        MADE,
        NOT_SIGNED,
    );
    let twice = request(&[ED[0], ED[1], ("Content-Type", "application/json")]);
    check(&twice, MADE, NOT_SIGNED);
    check(&request(&ED), MADE - 31, "the signature is not made yet");
    check(&request(&ED), MADE + 330, "the signature is too old");
    assert!(
        prove(&known, &request(&ED), MADE + 329).is_ok() && prove(&known, &request(&ED), MADE - 30).is_ok()
    );
}

#[test]
fn what_an_input_may_not_say() {
    let known = signatures(&["date"]);
    for (input, why) in [
        ("", "no signature by a key that is known"),
        ("a=(", UNREADABLE),
        ("a=1", "no signature by a key that is known"),
        (r#"a=("date");created=1618884473;keyid="nobody""#, "no signature by a key that is known"),
        (r#"a=("date");created=1618884473"#, "no signature by a key that is known"),
        (r#"a=("date");keyid="test-key-ed25519""#, "the signature does not say when it was made"),
        (r#"a=("date");created="x";keyid="test-key-ed25519""#, UNREADABLE),
        (
            r#"a=("date");created=1618884473;expires=1618884400;keyid="test-key-ed25519""#,
            "the signature is too old",
        ),
        (
            r#"a=("date");created=1618884473;keyid="test-key-ed25519";alg="hmac-sha256""#,
            "the signature names another algorithm than its key's",
        ),
        (
            r#"a=("date" "date");created=1618884473;keyid="test-key-ed25519""#,
            "the signature covers something twice",
        ),
        (
            r#"a=("x-absent");created=1618884473;keyid="test-key-ed25519""#,
            "the signature covers something that the request does not have",
        ),
        (
            r#"a=("@status");created=1618884473;keyid="test-key-ed25519""#,
            "the signature covers something that is not supported",
        ),
        (
            r#"a=("date";req);created=1618884473;keyid="test-key-ed25519""#,
            "the signature covers something that is not supported",
        ),
    ] {
        let head = request(&[("Signature-Input", input), ("Signature", "a=:AAAA:")]);
        assert_eq!(prove(&known, &head, MADE).err(), Some(why), "{input}");
    }
    let many: Vec<String> = (0..9).map(|n| format!("a{n}=(\"date\");keyid=\"x\"")).collect();
    let head = request(&[("Signature-Input", &many.join(", ")), ("Signature", "a=:AAAA:")]);
    assert_eq!(prove(&known, &head, MADE).err(), Some("there are too many signatures"));
    let head = request(&[("Signature-Input", &"a".repeat(LONGEST + 1)), ("Signature", "a=:AAAA:")]);
    assert_eq!(prove(&known, &head, MADE).err(), Some(UNREADABLE));
}

#[test]
fn what_policy_asks_for_must_be_covered_where_there_is_any() {
    let little = "the signature does not cover what it must";
    for (cover, fails) in [
        (&["@method", "@path", "@authority"][..], None),
        (&["@query"], Some(little)),
        (&["@scheme"], Some(little)),
        (&["content-digest"], Some(little)),
        (&["x-tenant"], Some(little)),
    ] {
        assert_eq!(prove(&signatures(cover), &request(&ED), MADE).err(), fails, "{cover:?}");
    }
    let without = RequestHead { target: "/foo".into(), ..request(&ED) };
    assert!(prove(&signatures(&["@query"]), &without, MADE).is_ok(), "there is no query to cover");
}

#[test]
fn a_signature_base_is_that_of_the_standard() {
    let parse = |text: &str| {
        let mut list: sfv::List = Parser::new(text).parse().expect("a list");
        match list.remove(0) {
            ListEntry::InnerList(inner) => inner,
            ListEntry::Item(_) => panic!("no inner list"),
        }
    };
    let head = |target: &'static str, host: &'static str| RequestHead {
        method: http::Method::GET,
        target: target.into(),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Https,
        headers: [("Host", host), ("X-List", " one "), ("X-List", "two,  three"), ("X-Empty", "")]
            .into_iter()
            .collect(),
    };
    let first = |target: &'static str, host: &'static str, component: &str| {
        let base = base(&head(target, host), parse(&format!("({component})")))?;
        Ok::<_, &str>(base.lines().next().unwrap_or_default().to_owned())
    };
    for (target, host, component, line) in [
        // RFC 9421 §2.1 and §2.2.
        ("/", "www.example.com", r#""x-list""#, r#""x-list": one, two,  three"#),
        ("/", "www.example.com", r#""x-empty""#, r#""x-empty": "#),
        ("/", "www.example.com", r#""x-list";bs"#, r#""x-list";bs: :b25l:, :dHdvLCAgdGhyZWU=:"#),
        ("/path?param=value", "WWW.Example.com:443", r#""@authority""#, r#""@authority": www.example.com"#),
        ("/path", "www.example.com:8443", r#""@authority""#, r#""@authority": www.example.com:8443"#),
        (
            "/path?param=value",
            "www.example.com",
            r#""@target-uri""#,
            r#""@target-uri": https://www.example.com/path?param=value"#,
        ),
        ("https://www.example.com/path", "www.example.com", r#""@path""#, r#""@path": /path"#),
        ("/path?", "www.example.com", r#""@query""#, r#""@query": ?"#),
        ("/path", "www.example.com", r#""@query""#, r#""@query": ?"#),
        (
            "/path?param=value&foo=bar&baz=batman",
            "www.example.com",
            r#""@request-target""#,
            r#""@request-target": /path?param=value&foo=bar&baz=batman"#,
        ),
        (
            "/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something",
            "www.example.com",
            r#""@query-param";name="var""#,
            r#""@query-param";name="var": this%20is%20a%20big%0Amultiline%20value"#,
        ),
        (
            "/parameters?bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something",
            "www.example.com",
            r#""@query-param";name="bar""#,
            r#""@query-param";name="bar": with%20plus%20whitespace"#,
        ),
        (
            "/parameters?fa%C3%A7ade%22%3A%20=something",
            "www.example.com",
            r#""@query-param";name="fa%C3%A7ade%22%3A%20""#,
            r#""@query-param";name="fa%C3%A7ade%22%3A%20": something"#,
        ),
    ] {
        assert_eq!(first(target, host, component).as_deref(), Ok(line), "{component}");
    }
    assert!(first("/?a=1&a=2", "x", r#""@query-param";name="a""#).is_err());
    assert!(first("/", "x", r#""X-List""#).is_err());
}
