//! Tables of what passes and what does not, and properties over every way of cutting the bytes.

use portcullis_model::Scheme;
use proptest::prelude::*;

use super::*;

/// What followers said, pieces of bodies merged: `Head`, `Body(n)`, `End`, `Waiting`, `Tunnel(n)`, or a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Head(String),
    Body(usize),
    End,
    Waiting,
    Tunnel(usize),
    Defect(Defect),
}

/// Feeds pieces one after the other; `on_waiting` answers a protocol switch.
fn follow<H>(
    pieces: &[&[u8]],
    mut feed: impl FnMut(&[u8]) -> Fed<H>,
    describe: impl Fn(&H) -> String,
) -> (Vec<Said>, usize) {
    let mut said: Vec<Said> = Vec::new();
    let mut passed_on = 0;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let fed = feed(rest);
            assert!(fed.consumed <= rest.len());
            rest = &rest[fed.consumed..];
            match (fed.what, said.last_mut()) {
                (What::More, _) => {
                    assert!(rest.is_empty(), "asks for more with bytes left");
                    break;
                }
                (What::Head(record), _) => said.push(Said::Head(describe(&record))),
                (What::Body, Some(Said::Body(bytes))) | (What::Tunnel, Some(Said::Tunnel(bytes))) => {
                    *bytes += fed.consumed;
                    passed_on += fed.consumed;
                }
                (What::Body, _) => {
                    passed_on += fed.consumed;
                    said.push(Said::Body(fed.consumed));
                }
                (What::Tunnel, _) => said.push(Said::Tunnel(fed.consumed)),
                (What::MessageEnd, _) => said.push(Said::End),
                (What::Waiting, last) => {
                    if !matches!(last, Some(Said::Waiting)) {
                        said.push(Said::Waiting);
                    }
                    break;
                }
                (What::Defect(defect), last) => {
                    if !matches!(last, Some(Said::Defect(_))) {
                        said.push(Said::Defect(defect));
                    }
                    break;
                }
            }
        }
    }
    (said, passed_on)
}

fn describe_request(record: &HeadRecord) -> String {
    assert!(record.raw.ends_with(b"\r\n\r\n"));
    format!("{} {} {:?}", record.head.method, record.head.target.escape_ascii(), record.body)
}

fn requests(pieces: &[&[u8]]) -> Vec<Said> {
    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    follow(pieces, |bytes| follower.feed(bytes), describe_request).0
}

fn answers(asked: &[Asked], pieces: &[&[u8]]) -> Vec<Said> {
    let mut follower = ResponseFollower::new(FramingLimits::default());
    for asked in asked {
        follower.expect(*asked);
    }
    follow(pieces, |bytes| follower.feed(bytes), |record| format!("{} {:?}", record.head.status, record.body))
        .0
}

/// Every piece of one byte.
fn single(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

fn refused(head: &str, defect: Defect) {
    for pieces in [vec![head.as_bytes()], single(head.as_bytes())] {
        assert_eq!(requests(&pieces), [Said::Defect(defect)], "{head:?}");
    }
}

#[test]
fn every_ambiguous_head_has_its_name() {
    for (fields, defect) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Defect::ContentLengthAndTransferEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Defect::ContentLengthAndTransferEncoding),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Defect::RepeatedContentLength),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Defect::RepeatedContentLength),
        ("Content-Length: 5, 5\r\n", Defect::RepeatedContentLength),
        ("Content-Length: +5\r\n", Defect::ContentLength),
        ("Content-Length: -5\r\n", Defect::ContentLength),
        ("Content-Length:\r\n", Defect::ContentLength),
        ("Content_Length: 5\r\n", Defect::DisguisedField),
        ("Transfer_Encoding: chunked\r\n", Defect::DisguisedField),
        ("Transfer-Encoding: gzip\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding: identity\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding: xchunked\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding:\r\n", Defect::UnknownTransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", Defect::RepeatedTransferEncoding),
        ("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n", Defect::RepeatedTransferEncoding),
        ("Transfer-Encoding : chunked\r\n", Defect::SpaceBeforeColon),
        ("Transfer-Encoding:\x0bchunked\r\n", Defect::ControlCharacter),
        ("X: a\r\n b\r\n", Defect::FoldedField),
        ("X: a\nY: b\r\n", Defect::BareLineFeed),
        ("X: a\rY: b\r\n", Defect::BareCarriageReturn),
        ("X: a\0b\r\n", Defect::Nul),
        ("X\0: a\r\n", Defect::Nul),
        ("X\r\n", Defect::FieldName),
        ("X Y: z\r\n", Defect::FieldName),
        ("Host: a.example\r\n", Defect::RepeatedHost),
        ("host: b.example\r\n", Defect::RepeatedHost),
        ("Connection: close, Content-Length\r\n", Defect::ConnectionNamesFraming),
        ("Connection: transfer-encoding\r\n", Defect::ConnectionNamesFraming),
        ("Connection: host\r\n", Defect::ConnectionNamesFraming),
        ("Connection: close; x\r\n", Defect::Connection),
        ("Expect: 200-ok\r\n", Defect::Expectation),
        ("Expect: y 100-continue\r\n", Defect::Expectation),
        ("Expect: 100-continue\r\nExpect: 100-continue\r\n", Defect::Expectation),
    ] {
        refused(&format!("POST / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n"), defect);
    }
}

#[test]
fn first_lines_and_hosts() {
    for (head, defect) in [
        ("GET /\r\n", Defect::SimpleRequest),
        ("GET / HTTP/1.1\n", Defect::BareLineFeed),
        ("\nGET / HTTP/1.1\r\n", Defect::BareLineFeed),
        ("\r\n\r\nGET / HTTP/1.1\r\n", Defect::RequestLine),
        ("PRI * HTTP/2.0\r\n", Defect::UnknownVersion),
        ("GET / HTTP/1.1\r\n\r\n", Defect::MissingHost),
        ("GET / HTTP/1.0\r\n\r\n", Defect::MissingHost),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Defect::FoldedField),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Defect::MalformedHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Defect::MalformedHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Defect::MalformedHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Defect::MalformedHost),
        ("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::HostMismatch),
        ("GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::HostMismatch),
        ("GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::TargetUserinfo),
        ("GET http:///x HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("GET x HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("GET * HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("CONNECT / HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", Defect::Target),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", Defect::HostMismatch),
        (
            "CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\nContent-Length: 1\r\n\r\n",
            Defect::BodyForbidden,
        ),
        ("TRACE / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\n", Defect::BodyForbidden),
        (
            "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
            Defect::TransferEncodingOnOldVersion,
        ),
    ] {
        refused(head, defect);
    }
}

#[test]
fn sizes_are_bounded() {
    let limits = FramingLimits { head_bytes: 200, fields: 3, target_bytes: 40, ..FramingLimits::default() };
    let check = |head: String, defect: Defect| {
        for pieces in [vec![head.as_bytes()], single(head.as_bytes())] {
            let mut follower = RequestFollower::new(limits, Scheme::Http);
            let (said, _) = follow(&pieces, |bytes| follower.feed(bytes), describe_request);
            assert_eq!(said, [Said::Defect(defect)], "{head:?}");
        }
    };
    check(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(40)), Defect::TargetTooLong);
    check(format!("GET /{}", "x".repeat(150)), Defect::TargetTooLong);
    check(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200)), Defect::HeadTooLarge);
    check(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(3)), Defect::TooManyFields);
}

#[test]
fn messages_follow_each_other() {
    let bytes = b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
        \r\nPOST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
        3;a=b;c=\"d\\\"\";e\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n\
        OPTIONS * HTTP/1.0\r\nHost: a\r\n\r\nGET /dropped HTTP/1.1\r\n";
    let expected = [
        Said::Head("GET /a None".into()),
        Said::End,
        Said::Head("POST /b Length(3)".into()),
        Said::Body(3),
        Said::End,
        Said::Head("POST /c Chunked".into()),
        Said::Body(54),
        Said::End,
        Said::Head("OPTIONS * None".into()),
        Said::End,
    ];
    assert_eq!(requests(&[bytes]), expected);
    assert_eq!(requests(&single(bytes)), expected);
}

#[test]
fn absolute_targets_with_the_same_host_pass() {
    for target in ["http://A.example/x", "HTTP://a.example:80", "http://a.example.?q"] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert_eq!(requests(&[head.as_bytes()]).len(), 2, "{target}");
    }
}

#[test]
fn bad_chunks_stop_before_the_byte_that_makes_them() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, good, defect) in [
        ("g", 0, Defect::ChunkSize),
        ("\r\n", 0, Defect::ChunkSize),
        (";a\r\n", 0, Defect::ChunkSize),
        ("-1\r\n", 0, Defect::ChunkSize),
        ("0x3\r\n", 1, Defect::ChunkSize),
        ("3 \r\n", 1, Defect::ChunkSize),
        (" 3\r\n", 0, Defect::ChunkSize),
        ("1234567890123456\r\n", 15, Defect::ChunkSize),
        ("3\n", 1, Defect::BareLineFeed),
        ("3\rx", 2, Defect::BareCarriageReturn),
        ("3;\r\n", 2, Defect::ChunkExtension),
        ("3; a\r\n", 2, Defect::ChunkExtension),
        ("3;a=\r\n", 4, Defect::ChunkExtension),
        ("3;a=\"\n", 5, Defect::BareLineFeed),
        ("3;a=\"b\"c\r\n", 7, Defect::ChunkExtension),
        ("3;a\0\r\n", 3, Defect::ChunkExtension),
        ("3\r\nabcd", 6, Defect::ChunkEnd),
        ("3\r\nabc\n", 6, Defect::ChunkEnd),
        ("3\r\nabc\rX", 7, Defect::ChunkEnd),
        ("0\r\nX : y\r\n", 9, Defect::SpaceBeforeColon),
        ("0\r\nX: y\n", 7, Defect::BareLineFeed),
        ("0\r\nContent-Length: 5\r\n", 21, Defect::TrailerField),
        ("0\r\nhost: a\r\n", 11, Defect::TrailerField),
    ] {
        let bytes = format!("{head}{body}");
        for pieces in [vec![bytes.as_bytes()], single(bytes.as_bytes())] {
            let mut expected =
                vec![Said::Head("POST / Chunked".into()), Said::Body(good), Said::Defect(defect)];
            expected.retain(|said| *said != Said::Body(0));
            assert_eq!(requests(&pieces), expected, "{body:?}");
        }
    }
}

#[test]
fn chunk_framing_is_bounded_however_it_is_cut() {
    let fields = |count: usize| format!("0\r\n{}", "X: y\r\n".repeat(count));
    let trailer = |bytes: usize| format!("0\r\nX: {}\r\n\r\n", "y".repeat(bytes));
    for (body, good, defect) in [
        (format!("1;{}", "a".repeat(5000)), 2 + 4096, Some(Defect::ChunkExtension)),
        (format!("1;{}\n", "a".repeat(4095)), 2 + 4095, Some(Defect::BareLineFeed)),
        (fields(101), 3 + 606 - 1, Some(Defect::TrailersTooLarge)),
        // The last that is let in is of no name, and not one too many.
        (fields(99) + "a b\r\n", 3 + 594 + 4, Some(Defect::FieldName)),
        (trailer(16_000), 16_010, None),
        (trailer(20_000), 3 + 16_380, Some(Defect::TrailersTooLarge)),
        (trailer(200_000), 3 + 16_380, Some(Defect::TrailersTooLarge)),
        (
            format!("{}\r\n", fields(99).replace('y', &"y".repeat(200))),
            3 + 16_380,
            Some(Defect::TrailersTooLarge),
        ),
    ] {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let end = defect.map_or(Said::End, Said::Defect);
        let expected = [Said::Head("POST / Chunked".into()), Said::Body(good), end];
        for pieces in [vec![bytes.as_bytes()], single(bytes.as_bytes())] {
            assert_eq!(requests(&pieces), expected, "{} bytes", body.len());
        }
    }
}

#[test]
fn bytes_behind_an_upgrade_wait_for_its_answer() {
    let bytes =
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\n bad\r\n\r\n";
    let up_to_waiting = [Said::Head("GET /ws None".into()), Said::End, Said::Waiting];
    assert_eq!(requests(&[bytes]), up_to_waiting);

    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    let (said, _) = follow(&[&bytes[..50]], |bytes| follower.feed(bytes), describe_request);
    assert_eq!(said, up_to_waiting);
    follower.refused();
    let (said, _) = follow(&[&bytes[50..]], |bytes| follower.feed(bytes), describe_request);
    assert_eq!(said, [Said::Defect(Defect::FoldedField)]);
    assert_eq!(&*follower.salvage().target, b"/next");

    let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
    follow(&[&bytes[..50]], |bytes| follower.feed(bytes), describe_request);
    follower.accepted();
    let (said, _) = follow(&[b"anything", b"\0"], |bytes| follower.feed(bytes), describe_request);
    assert_eq!(said, [Said::Tunnel(9)]);
    assert!(follower.end().is_ok());
}

#[test]
fn ends_of_connections() {
    let end = |bytes: &[u8]| {
        let mut follower = RequestFollower::new(FramingLimits::default(), Scheme::Http);
        follow(&[bytes], |bytes| follower.feed(bytes), describe_request);
        follower.end()
    };
    assert_eq!(end(b""), Ok(()));
    assert_eq!(end(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(()));
    assert_eq!(end(b"GET"), Err(Defect::Truncated));
    assert_eq!(end(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx"), Err(Defect::Truncated));
    assert_eq!(
        end(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
        Err(Defect::Truncated)
    );

    let mut follower = ResponseFollower::new(FramingLimits::default());
    assert!(follower.is_idle() && follower.end().is_ok());
    follower.expect(Asked::Plain);
    assert_eq!(follower.end(), Err(Defect::Truncated));
}

#[test]
fn answers_are_framed_by_what_was_asked() {
    use Asked::{Connect, Head, Plain, Upgrade};
    let head = |text: &str| Said::Head(text.to_owned());
    for (asked, bytes, expected) in [
        (
            &[Plain][..],
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            vec![head("200 Length(2)"), Said::Body(2), Said::End],
        ),
        (&[Head], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", vec![head("200 None"), Said::End]),
        (&[Plain], "HTTP/1.1 304 X\r\nContent-Length: 2\r\n\r\n", vec![head("304 None"), Said::End]),
        (&[Plain], "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", vec![head("204 None"), Said::End]),
        (&[Plain], "HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n", vec![Said::Defect(Defect::BodyForbidden)]),
        (
            &[Plain],
            "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            vec![head("100 None"), head("103 None"), head("200 None"), Said::End],
        ),
        (&[Plain], "HTTP/1.0 200 OK\r\n\r\nabc", vec![head("200 UntilClose"), Said::Body(3)]),
        (
            &[Plain],
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
            vec![head("200 UntilClose"), Said::Body(3)],
        ),
        (&[Plain], "HTTP/1.1 200 OK\r\n\r\nabc", vec![head("200 UntilClose"), Said::Body(3)]),
        (&[Plain], "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nabc", vec![Said::Defect(Defect::UnaskedUpgrade)]),
        (
            &[Upgrade],
            "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nabc",
            vec![head("101 None"), Said::End, Said::Tunnel(3)],
        ),
        (&[Connect], "HTTP/1.1 200 OK\r\n\r\nabc", vec![head("200 None"), Said::End, Said::Tunnel(3)]),
        (
            &[Connect],
            "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx",
            vec![head("403 Length(1)"), Said::Body(1), Said::End],
        ),
        (&[], "HTTP/1.1 408 X\r\n\r\n", vec![Said::Defect(Defect::UnaskedAnswer)]),
        (
            &[Plain],
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX",
            vec![head("200 None"), Said::End, Said::Defect(Defect::UnaskedAnswer)],
        ),
        (
            &[Plain],
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            vec![Said::Defect(Defect::RepeatedContentLength)],
        ),
        (&[Plain], "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n", vec![Said::Defect(Defect::BareLineFeed)]),
        (&[Plain], "\r\nHTTP/1.1 200 OK\r\n\r\n", vec![Said::Defect(Defect::StatusLine)]),
    ] {
        assert_eq!(answers(asked, &[bytes.as_bytes()]), expected, "{bytes:?}");
        assert_eq!(answers(asked, &single(bytes.as_bytes())), expected, "{bytes:?}");
    }
    let interim = "HTTP/1.1 102 P\r\n\r\n".repeat(17);
    assert_eq!(answers(&[Plain], &[interim.as_bytes()]).last(), Some(&Said::Defect(Defect::TooManyInterim)));
}

/// Pieces of messages, whole and broken, to be strung together.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n",
        b"1;a=\"b\"\r\nx\r\n",
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"GET /u HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Host: a\r\n",
        b"\r\n",
        b"\n",
        b" ",
        b":",
        b"\0",
    ]);
    let random = prop::collection::vec(any::<u8>(), 0..12);
    let piece = prop_oneof![4 => known.prop_map(<[u8]>::to_vec), 1 => random];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Cuts bytes at the given places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut start = 0;
    let mut pieces = Vec::new();
    for place in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..place]);
        start = place;
    }
    pieces
}

proptest! {
    #[test]
    fn any_cutting_of_requests_says_the_same(bytes in fragments(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = requests(&[&bytes]);
        prop_assert_eq!(&requests(&cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&requests(&single(&bytes)), &whole);
    }

    #[test]
    fn any_cutting_of_answers_says_the_same(bytes in fragments(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let asked = [Asked::Plain, Asked::Head, Asked::Upgrade, Asked::Plain];
        let whole = answers(&asked, &[&bytes]);
        prop_assert_eq!(&answers(&asked, &cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&answers(&asked, &single(&bytes)), &whole);
    }
}
