//! Tables of normal forms and of what is ambiguous, and the property that a normal form stays as it is.

use bytes::Bytes;
use http::Method;
use portcullis_model::{Headers, Scheme, Version};
use proptest::prelude::*;

use super::*;

fn head(method: Method, target: &[u8]) -> RequestHead {
    RequestHead {
        method,
        target: Bytes::copy_from_slice(target),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Http,
        headers: [("Host", "Shop.Example.:8080")].into_iter().collect(),
    }
}

fn normal(target: &str, encoded_slash: EncodedSlash) -> Normal {
    normalise(&head(Method::GET, target.as_bytes()), encoded_slash)
}

fn check(target: &str, expected: &str, segments: &[&str]) {
    let normal = normal(target, EncodedSlash::Keep);
    assert_eq!(normal.target.as_str(), expected, "{target:?}");
    assert_eq!(normal.segments().collect::<Vec<_>>(), segments, "{target:?}");
    assert!(normal.defects.is_empty(), "{target:?}: {:?}", normal.defects);
}

#[test]
fn paths_become_one_form() {
    check("/", "/", &[""]);
    check("/a/b", "/a/b", &["a", "b"]);
    check("/a/b/", "/a/b/", &["a", "b", ""]);
    check("//a//b", "//a//b", &["", "a", "", "b"]);
    check("/%61%7e%2D", "/a~-", &["a~-"]);
    check("/a%20b%c3%a9", "/a%20b%C3%A9", &["a b\u{e9}"]);
    check("/caf\u{e9}", "/caf%C3%A9", &["caf\u{e9}"]);
    check("/caf%e9", "/caf%E9", &["caf\u{fffd}"]);
    check("/a/./b/../c", "/a/c", &["a", "c"]);
    check("/a/b/..", "/a/", &["a", ""]);
    check("/a/.", "/a/", &["a", ""]);
    check("/../../a", "/a", &["a"]);
    check("/a/%2e%2E/b", "/b", &["b"]);
    check("/...", "/...", &["..."]);
    check("/.well-known/x", "/.well-known/x", &[".well-known", "x"]);
    check("/a%2Fb%2fc", "/a%2Fb%2Fc", &["a/b/c"]);
    check("/{id}|^[x]\"", "/%7Bid%7D%7C%5E%5Bx%5D%22", &["{id}|^[x]\""]);
    check("/a;v=1;w/b:c@d", "/a;v=1;w/b:c@d", &["a;v=1;w", "b:c@d"]);
    check("/a%3bb", "/a%3Bb", &["a;b"]);
    check("/a%2520b", "/a%2520b", &["a%20b"]);
    check("http://shop.example", "/", &[""]);
    check("http://shop.example?x=1", "/?x=1", &[""]);
    check("http://shop.example/a/../b?x", "/b?x", &["b"]);
}

#[test]
fn queries_are_forwarded_as_they_are() {
    check("/?", "/?", &[""]);
    check("/a?x=1&y=%2e%zz+'|{}", "/a?x=1&y=%2e%zz+'|{}", &["a"]);
    check("/a?b/../c?d", "/a?b/../c?d", &["a"]);
    check("/?caf\u{e9}", "/?caf%C3%A9", &[""]);
    let normal = normal("/p?a=1&b=%41", EncodedSlash::Keep);
    assert_eq!((normal.query().raw(), normal.query().get("b").as_deref()), ("a=1&b=%41", Some("A")));
}

#[test]
fn encoded_slashes_follow_the_site() {
    let read = |target: &str, encoded_slash| {
        let normal = normal(target, encoded_slash);
        (normal.target.as_str().to_owned(), normal.defects.to_vec())
    };
    assert_eq!(read("/a%2Fb", EncodedSlash::Decode), ("/a/b".into(), vec![]));
    assert_eq!(read("/a%2F..%2fb", EncodedSlash::Decode), ("/b".into(), vec![]));
    assert_eq!(read("/a%5cb", EncodedSlash::Decode), ("/a%5Cb".into(), vec![]));
    assert_eq!(read("/a%2Fb", EncodedSlash::Refuse), ("/a%2Fb".into(), vec![Defect::EncodedSlash]));
    assert_eq!(read("/a%5cb", EncodedSlash::Refuse), ("/a%5Cb".into(), vec![Defect::EncodedSlash]));
}

#[test]
fn what_servers_read_differently_is_a_defect() {
    for (target, defect) in [
        ("/a%zz", Defect::PercentEncoding),
        ("/a%4", Defect::PercentEncoding),
        ("/a%", Defect::PercentEncoding),
        ("/a%00", Defect::EncodedControl),
        ("/a%0d%0ab", Defect::EncodedControl),
        ("/a%7F", Defect::EncodedControl),
        ("/a\\b", Defect::Backslash),
        ("/..;/admin", Defect::HiddenDotSegment),
        ("/a/..;v=1/b", Defect::HiddenDotSegment),
        ("/.;/a", Defect::HiddenDotSegment),
        ("/..%3b/admin", Defect::HiddenDotSegment),
        ("/a/..%2fadmin", Defect::HiddenDotSegment),
        ("/a/..%5cadmin", Defect::HiddenDotSegment),
        ("/a/x%2f..%2fadmin", Defect::HiddenDotSegment),
        ("/%252e%252e/admin", Defect::HiddenDotSegment),
        ("/..%252fadmin", Defect::HiddenDotSegment),
        ("/%25252e%25252e/a", Defect::HiddenDotSegment),
        ("/%c0%afadmin", Defect::OverlongUtf8),
        ("/%c0%ae%c0%ae/admin", Defect::OverlongUtf8),
        ("/%e0%80%af", Defect::OverlongUtf8),
        ("/%f0%80%80%af", Defect::OverlongUtf8),
    ] {
        assert_eq!(normal(target, EncodedSlash::Keep).defects.as_slice(), [defect], "{target:?}");
    }
}

#[test]
fn hosts_and_targets_that_are_no_paths() {
    let read = normal("/", EncodedSlash::Keep);
    assert_eq!((&*read.host, read.port), ("shop.example", Some(8080)));

    let options = normalise(&head(Method::OPTIONS, b"*"), EncodedSlash::Keep);
    assert_eq!((options.target.as_str(), options.segments().len()), ("*", 0));
    let connect = normalise(&head(Method::CONNECT, b"shop.example:443"), EncodedSlash::Keep);
    assert_eq!((connect.target.as_str(), connect.path()), ("shop.example:443", "shop.example:443"));

    let mut h2 = head(Method::GET, b"/");
    h2.authority = Some(Bytes::from_static(b"Other.Example"));
    assert_eq!(normalise(&h2, EncodedSlash::Keep).host, "other.example");

    let recorded =
        RequestHead { headers: Headers::default(), ..head(Method::GET, b"https://A.example:444/x") };
    let read = normalise(&recorded, EncodedSlash::Keep);
    assert_eq!((&*read.host, read.port, read.path()), ("a.example", Some(444), "/x"));
    let nowhere = RequestHead { headers: Headers::default(), ..head(Method::GET, b"/") };
    assert_eq!(normalise(&nowhere, EncodedSlash::Keep).defects.as_slice(), [Defect::MissingHost]);
}

fn targets() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "/", ".", "..", "%2e", "%2F", "%2f", "%5c", "a", "B", "%41", "%zz", "%", ";", "?", "=", "&", "\\",
        "%25", "{", "\u{e9}", "%c3%a9", "%c0", "|", "//", "*",
    ]);
    let piece = prop_oneof![6 => pieces.prop_map(|text| text.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..4)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat())
}

proptest! {
    #[test]
    fn a_normal_form_stays_as_it_is(
        target in targets(),
        encoded_slash in prop::sample::select(vec![EncodedSlash::Keep, EncodedSlash::Refuse, EncodedSlash::Decode]),
    ) {
        let once = normalise(&head(Method::GET, &target), encoded_slash);
        let twice = normalise(&head(Method::GET, once.target.as_str().as_bytes()), encoded_slash);
        prop_assert_eq!(once.target.as_str(), twice.target.as_str());
        prop_assert_eq!(once.segments().collect::<Vec<_>>(), twice.segments().collect::<Vec<_>>());
        // What is forwarded is a target that framing lets through and the http crate can hold.
        prop_assert!(crate::framing::check_target(once.target.as_str().as_bytes()).is_ok());
        prop_assert!(once.target.as_str().parse::<http::uri::PathAndQuery>().is_ok());
        // No dot segment is left in any reading that keeps slashes where they are.
        prop_assert!(!once.path().split('/').any(|segment| segment == "." || segment == ".."));
        prop_assert_eq!(once.path().split('/').count(), once.segments().len() + 1);
    }
}
