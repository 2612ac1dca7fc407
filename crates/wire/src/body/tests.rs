//! Tables of bodies with their leaves and defects, and properties: spans slice back, JSON agrees with `serde_json`.

use proptest::prelude::*;

use super::*;

fn read(text: &[u8], media_type: &str, budget: &Budget) -> Body {
    parse(&Bytes::copy_from_slice(text), MediaType::parse(media_type.as_bytes()).as_ref(), budget)
}

/// Every leaf as `path=text`, binary ones as `path=<bytes>`.
fn leaves(body: &Body) -> Vec<String> {
    let mut leaves = Vec::new();
    body.tree.for_each_leaf(|path, value| {
        let text = value.as_str().map_or_else(|| format!("<{}>", value.span().len()), str::to_owned);
        leaves.push(format!("{path}={text}"));
    });
    leaves
}

fn check(text: &str, media_type: &str, expected: &[&str], defects: &[Defect]) {
    let body = read(text.as_bytes(), media_type, &Budget::default());
    assert_eq!(leaves(&body), expected, "{text:?}");
    assert_eq!(body.defects.as_slice(), defects, "{text:?}");
}

const JSON: &str = "application/json";

#[test]
fn json_leaves() {
    check(
        r#"{"a":{"b":[1,-2.5e3,"x\n"]},"c":null,"d":true}"#,
        JSON,
        &["a.b[0]=1", "a.b[1]=-2.5e3", "a.b[2]=x\n", "c=null", "d=true"],
        &[],
    );
    check(" [ ] ", JSON, &[], &[]);
    check("\"\\u00e9\\ud83d\\ude00\\/\"", "application/problem+json", &["=\u{e9}\u{1f600}/"], &[]);
    check("", JSON, &[], &[]);
}

#[test]
fn json_defects_keep_what_was_read() {
    for (text, leaves, defect) in [
        (r#"{"a":1,"a":2}"#, &["a=1", "a=2"][..], Defect::BodyDuplicateKey),
        (r#"{"a":1,"\u0061":2}"#, &["a=1", "a=2"], Defect::BodyDuplicateKey),
        (r#"{"a":1,}"#, &["a=1"], Defect::BodySyntax),
        (r#"{"a":1"#, &["a=1"], Defect::BodySyntax),
        (r#"{"a" 1}"#, &[], Defect::BodySyntax),
        (r"{a:1}", &[], Defect::BodySyntax),
        (r"['a']", &[], Defect::BodySyntax),
        ("[1,2,]", &["[0]=1", "[1]=2"], Defect::BodySyntax),
        ("[1 2]", &["[0]=1"], Defect::BodySyntax),
        ("[1]]", &["[0]=1"], Defect::BodyTrailing),
        ("{}{}", &[], Defect::BodyTrailing),
        ("[01]", &["[0]=0"], Defect::BodySyntax),
        ("[1.]", &[], Defect::BodySyntax),
        ("[.5]", &[], Defect::BodySyntax),
        ("[+1]", &[], Defect::BodySyntax),
        ("[NaN]", &[], Defect::BodySyntax),
        ("[1] // x", &["[0]=1"], Defect::BodyTrailing),
        ("[\"a\tb\"]", &[], Defect::BodySyntax),
        (r#"["\x"]"#, &[], Defect::BodySyntax),
        (r#"["\ud800"]"#, &["[0]=\u{fffd}"], Defect::BodyEncoding),
        (r#"["\ud800\u0041"]"#, &["[0]=\u{fffd}A"], Defect::BodyEncoding),
        ("\u{feff}[1]", &["[0]=1"], Defect::BodyEncoding),
        (" ", &[], Defect::BodySyntax),
    ] {
        check(text, JSON, leaves, &[defect]);
    }
    let members: Vec<_> = (0..20).map(|n| format!("\"k{}\":0", n % 19)).collect();
    let body = read(format!("{{{}}}", members.join(",")).as_bytes(), JSON, &Budget::default());
    assert_eq!(body.defects.as_slice(), [Defect::BodyDuplicateKey]);
    let body = read(b"[1,\"\xff\"]", JSON, &Budget::default());
    assert_eq!((leaves(&body), body.defects.as_slice()), (vec!["[0]=1".into()], &[Defect::BodyEncoding][..]));
    check("[1]", "application/json; charset=utf-16", &["[0]=1"], &[Defect::BodyEncoding]);
    check("[1]", "application/json; charset=utf-8", &["[0]=1"], &[]);
}

#[test]
fn budgets_stop_the_parser() {
    let small = Budget { bytes: 12, depth: 3, values: 4, ..Budget::default() };
    let stopped = |text: &str, media_type: &str| {
        let body = read(text.as_bytes(), media_type, &small);
        (body.tree.len(), body.defects.to_vec())
    };
    assert_eq!(stopped("[[[[1]]]]", JSON), (3, vec![Defect::BodyTooDeep]));
    assert_eq!(stopped("[1,2,3,4,5]", JSON), (4, vec![Defect::BodyTooManyValues]));
    assert_eq!(stopped("[1,\"abcdefghijkl\"]", JSON), (2, vec![Defect::BodyTooLarge]));
    assert_eq!(
        stopped("a&b&c&d&e", "application/x-www-form-urlencoded"),
        (4, vec![Defect::BodyTooManyValues])
    );
    assert_eq!(stopped("aaaaaaaaaaaaaaaaa", "text/plain"), (1, vec![Defect::BodyTooLarge]));

    let deep = "[".repeat(100_000);
    let body = read(deep.as_bytes(), JSON, &Budget { depth: u16::MAX, ..Budget::default() });
    assert_eq!(
        (body.tree.len(), body.defects.as_slice()),
        (usize::from(DEEPEST), &[Defect::BodyTooDeep][..])
    );
    assert!(leaves(&body).is_empty());
    body.tree.to_json();
    body.tree.shape();
}

#[test]
fn values_are_found_by_path() {
    let body =
        read(br#"{"a":{"b":[{"c":7},{"c":8}]},"a":{"x":1},"n":1.5,"t":false}"#, JSON, &Budget::default());
    let tree = &body.tree;
    assert_eq!(tree.get("a.x").and_then(|value| value.as_i64()), Some(1));
    assert!(tree.get("a.b").is_none(), "the last of duplicate names counts");
    assert_eq!(tree.get("n").and_then(|value| value.as_f64()), Some(1.5));
    assert_eq!(tree.get("t").and_then(|value| value.as_bool()), Some(false));
    assert!(tree.get("n.x").is_none() && tree.get("a[5]").is_none());
    let list = read(br#"[{"c":7},{"c":8}]"#, JSON, &Budget::default());
    assert_eq!(list.tree.get("[1].c").and_then(|value| value.as_i64()), Some(8));
}

#[test]
fn form_leaves() {
    let form = "application/x-www-form-urlencoded";
    check("a=1&b=x+y%21&&c&a=2&=v", form, &["a=1", "b=x y!", "c=", "a=2", "=v"], &[]);
    check("a%5B%5D=1&b=%ff", form, &["a[]=1", "b=\u{fffd}"], &[]);
    check("%61=%4&b=100%", form, &["a=%4", "b=100%"], &[Defect::FormEscape]);
    let bytes = read(b"%ff=%fe&plain=%C3%A9", form, &Budget::default());
    let values: Vec<_> =
        bytes.tree.root().unwrap().children().map(|value| (value.name_bytes(), value.bytes())).collect();
    assert_eq!(values, [(&b"\xff"[..], &b"\xfe"[..]), (b"plain", "\u{e9}".as_bytes())]);
    let body = read(b"user=al&token=s%20t", form, &Budget::default());
    assert_eq!(body.tree.get("token").map(|value| value.span()), Some(14..19));
}

const MULTIPART: &str = "multipart/form-data; boundary=B";

#[test]
fn multipart_leaves() {
    let text = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n\
        --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.bin\"\r\nContent-Type: image/png\r\n\r\n\
        \r\n--B--\r\n";
    check(text, MULTIPART, &["a=1\r\n2", "f="], &[]);
    let body = read(text.as_bytes(), MULTIPART, &Budget::default());
    let part = body.tree.get("f").and_then(|value| value.part()).unwrap();
    assert_eq!((part.file_name, part.media_type), (Some("x.bin"), Some("image/png")));
    assert_eq!(&text[body.tree.get("a").unwrap().span()], "1\r\n2");
    check("--B\r\n\r\nx\r\n--B--", "multipart/mixed; boundary=B", &["[0]=x"], &[]);
    let binary = b"--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--B--";
    assert_eq!(leaves(&read(binary, MULTIPART, &Budget::default())), ["a=<1>"]);
}

#[test]
fn multipart_that_servers_split_differently() {
    let part = |fields: &str, content: &str| format!("--B\r\n{fields}\r\n\r\n{content}\r\n--B--\r\n");
    let named = "Content-Disposition: form-data; name=a";
    let ambiguous = [Defect::MultipartPart];
    check(&format!("preamble\r\n{}", part(named, "x")), MULTIPART, &["a=x"], &ambiguous);
    check(
        &part(&format!("{named}\r\nContent-Disposition: form-data; name=b"), "x"),
        MULTIPART,
        &["a=x"],
        &ambiguous,
    );
    check(&part("Content-Disposition: form-data; name=a; name=b", "x"), MULTIPART, &["a=x"], &ambiguous);
    check(
        &part("Content-Disposition: form-data; name=a; filename*=utf-8''b", "x"),
        MULTIPART,
        &["a=x"],
        &ambiguous,
    );
    check(
        &part(&format!("{named}\r\nContent-Transfer-Encoding: base64"), "eA=="),
        MULTIPART,
        &["a=eA=="],
        &ambiguous,
    );
    check(&part("X: y", "x"), MULTIPART, &["[0]=x"], &ambiguous);
    check(&part(named, "x\n--B\ny"), MULTIPART, &["a=x", "[1]=y"], &ambiguous);
    check(&part(named, "--B\ny"), MULTIPART, &["a=", "[1]=y"], &ambiguous);
    check(&part(named, "x\r\n--Bc\r\ny"), MULTIPART, &["a=x\r\n--Bc\r\ny"], &ambiguous);
    check(&part(named, "x --B y"), MULTIPART, &["a=x --B y"], &ambiguous);
    check(&part(named, "x").replace("\r\n", "\n"), MULTIPART, &["a=x"], &ambiguous);
    check(&part("Content-Disposition : form-data; name=a", "x"), MULTIPART, &["a=x"], &ambiguous);
    check(&part("Content-Disposition: form-data;\r\n name=a", "x"), MULTIPART, &["a=x"], &ambiguous);
    check(&format!("{}trailing", part(named, "x")), MULTIPART, &["a=x"], &[Defect::BodyTrailing]);
    check(&format!("--B\r\n{named}\r\n\r\nx"), MULTIPART, &["a=x"], &[Defect::BodySyntax]);
    check("--Bx\r\n", MULTIPART, &[], &[Defect::MultipartPart, Defect::BodySyntax]);
    check("no delimiter", MULTIPART, &[], &[Defect::MultipartPart, Defect::BodySyntax]);
    check("x", "multipart/form-data", &["=x"], &[Defect::MultipartBoundary]);
    check("x", "multipart/form-data; boundary=a; boundary=b", &["=x"], &[Defect::MultipartBoundary]);
}

#[test]
fn multipart_facts_are_those_rules_ask_for() {
    use Flaw::{
        BoundaryQuoted, CrlfLine, DataAfter, DataBefore, HeaderFolding, InvalidHeader, InvalidPart,
        InvalidQuoting, LfLine, Unfinished,
    };
    let body = |fields: &str| format!("--B\r\n{fields}\r\n\r\nx\r\n--B--\r\n");
    let named = "Content-Disposition: form-data; name=a";
    for (text, media_type, flaws) in [
        (body(named), MULTIPART, &[CrlfLine][..]),
        (body(named), "multipart/form-data; boundary=\"B\"", &[CrlfLine, BoundaryQuoted]),
        (body(named).replace("\r\n", "\n"), MULTIPART, &[LfLine]),
        (body(named).replacen("\r\n", "\n", 1), MULTIPART, &[CrlfLine, LfLine]),
        (format!("x\r\n{}", body(named)), MULTIPART, &[CrlfLine, DataBefore]),
        (format!("{}x", body(named)), MULTIPART, &[CrlfLine, DataAfter]),
        (body(named).replace("--B--\r\n", ""), MULTIPART, &[CrlfLine, Unfinished]),
        (body(&format!("{named}\r\nX: a\r\n b")), MULTIPART, &[CrlfLine, HeaderFolding]),
        (body(&format!("{named}\r\nX: a\r\nX: b")), MULTIPART, &[CrlfLine, InvalidHeader]),
        (body("Content-Disposition: form-data; name='a'"), MULTIPART, &[CrlfLine, InvalidQuoting]),
        (body("X: y"), MULTIPART, &[CrlfLine, InvalidPart]),
    ] {
        let read = read(text.as_bytes(), media_type, &Budget::default());
        let mut expected = Multipart::default();
        for flaw in flaws {
            expected.note(*flaw);
        }
        expected.unmatched = read.multipart.as_ref().unwrap().unmatched;
        assert_eq!(read.multipart.as_deref(), Some(&expected), "{text:?}");
    }
    let file = body("Content-Disposition: form-data; name=f; filename=\"a\\b\"\r\nX-Y: z\r\n v");
    let file = read(file.as_bytes(), MULTIPART, &Budget::default());
    let facts = file.multipart.as_ref().unwrap();
    assert_eq!((facts.files, facts.file_bytes, facts.unmatched), (1, 1, Unmatched::Matched));
    let part = file.tree.get("f").and_then(|value| value.part()).unwrap();
    assert_eq!(part.file_name_bytes, b"a\\b");
    assert_eq!(part_fields(part.head).nth(1).unwrap(), &b"X-Y: z v"[..]);
}

const XML: &str = "application/xml";

#[test]
fn xml_leaves() {
    check(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a x='1 &amp; 2'><b>t<!-- no --></b><b y=\"z\"/><![CDATA[<&>]]></a>\n",
        XML,
        &["a.@x=1 & 2", "a.b=t", "a.b.@y=z", "a=<&>"],
        &[],
    );
    check("<a>&#60;&lt;x</a>", "image/svg+xml", &["a=<<x"], &[]);
    check("<a/>", XML, &[], &[]);
    let text = "<e><id>4711</id></e>";
    let body = read(text.as_bytes(), XML, &Budget::default());
    assert_eq!(body.format, Format::Xml);
    assert_eq!(&text[body.tree.get("e.id").unwrap().children().next().unwrap().span()], "4711");
    assert_eq!(body.tree.to_json().to_string(), r#"{"e":{"id":"4711"}}"#);
    let bytes = read(b"<a b='\xff'>\xfe</a>", XML, &Budget::default());
    assert_eq!(bytes.tree.get("a.@b").unwrap().bytes(), b"\xff");
    assert_eq!(bytes.defects.as_slice(), [Defect::BodyEncoding]);
}

#[test]
fn xml_defects_keep_what_was_read() {
    for (text, leaves, defects) in [
        (
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///>\">]><a>&x;</a>",
            &["!DOCTYPE=<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///>\">]>", "a=&x;"][..],
            &[Defect::XmlDoctype, Defect::XmlEntity][..],
        ),
        ("<a><b>x</a>", &["a.b=x"], &[Defect::BodySyntax]),
        ("<a>x", &["a=x"], &[Defect::BodySyntax]),
        ("<a x=1 y>t</a>", &["a.@x=1", "a.@y=", "a=t"], &[Defect::BodySyntax]),
        ("<a>1 < 2</a>", &["a=1 ", "a=< 2"], &[Defect::BodySyntax]),
        ("<a/><b>x</b>", &["b=x"], &[Defect::BodyTrailing]),
        ("<a/>x", &["[1]=x"], &[Defect::BodyTrailing]),
        ("x<a/>", &["[0]=x"], &[Defect::BodySyntax]),
        ("<a></b></a>", &[], &[Defect::BodySyntax]),
        ("<a b='x", &["a.@b=x"], &[Defect::BodySyntax]),
        ("no markup", &["=no markup"], &[Defect::BodySyntax]),
        ("<?xml version='1.0' encoding='utf-7'?><a/>", &[], &[Defect::BodyEncoding]),
    ] {
        check(text, XML, leaves, defects);
    }
    let deep = "<a>".repeat(1000);
    let body = read(deep.as_bytes(), XML, &Budget { depth: u16::MAX, ..Budget::default() });
    assert_eq!((body.tree.len(), body.defects.as_slice()), (256, &[Defect::BodyTooDeep][..]));
    body.tree.to_json();
}

/// The text in UTF-16, little-endian.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn utf16_is_read_and_told() {
    let json = utf16("\u{feff}{\"a\":\"<é>\"}");
    let body = read(&json, JSON, &Budget::default());
    assert_eq!((leaves(&body), body.defects.as_slice()), (vec!["a=<é>".into()], &[Defect::BodyEncoding][..]));
    let xml = utf16("<a><b>evil</b></a>");
    let body = read(&xml, "text/xml", &Budget::default());
    assert_eq!((leaves(&body), body.format), (vec!["a.b=evil".into()], Format::Xml));
    let cut = read(&json, JSON, &Budget { bytes: 8, ..Budget::default() });
    assert_eq!(cut.defects.as_slice(), [Defect::BodySyntax, Defect::BodyEncoding, Defect::BodyTooLarge]);
    // In another format zeros mean nothing.
    check("a\0=b", "application/x-www-form-urlencoded", &["a\0=b"], &[]);
}

#[test]
fn messages_of_grpc_are_read_one_by_one() {
    let read = |bytes: &[u8]| read(bytes, "application/grpc+proto", &Budget::default());
    let two = b"\0\0\0\0\x05\x0a\x03Ada\0\0\0\0\x02\x10\x07";
    let body = read(two);
    assert_eq!(
        (leaves(&body), body.defects.as_slice()),
        (vec!["[0].1=Ada".into(), "[1].2=7".into()], &[][..])
    );
    let packed = read(b"\x01\0\0\0\x02\xff\xfe");
    assert_eq!(
        (leaves(&packed), packed.defects.as_slice()),
        (vec!["[0]=<2>".into()], &[Defect::BodyEncoding][..])
    );
    for cut in [&b"\0\0\0\0\x09\x0a\x03Ada"[..], b"\0\0\0"] {
        assert_eq!(read(cut).defects.as_slice(), [Defect::BodySyntax], "{cut:?}");
    }
}

const PROTOBUF: &str = "application/x-protobuf";

#[test]
fn protobuf_leaves() {
    let read = |bytes: &[u8]| read(bytes, PROTOBUF, &Budget::default());
    let person = b"\x0a\x03Ada\x10\x96\x01\x1a\x09\x0a\x07a@b.org\x25\x01\x00\x00\x00\x2a\x02\xff\xff";
    let body = read(person);
    assert_eq!(leaves(&body), ["1=Ada", "2=150", "3.1=a@b.org", "4=1", "5=<2>"]);
    assert_eq!((body.format, body.defects.as_slice()), (Format::Protobuf, &[][..]));
    assert_eq!(leaves(&read(b"\x08\x01\xffx")), ["1=1", "[1]=<2>"]);
    for broken in [
        &b"\x0a\x05ab"[..],
        b"\x00",
        b"\x0b",
        b"\x08",
        b"plain text",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ] {
        assert_eq!(read(broken).defects.as_slice(), [Defect::BodySyntax], "{broken:?}");
    }
    let deep = (0..200).fold(b"\x0a\x01x".to_vec(), |inner, _| {
        let length = inner.len() as u16;
        [&[0x0a, length as u8 | 0x80, (length >> 7) as u8], &inner[..]].concat()
    });
    assert_eq!(read(&deep).defects.as_slice(), [Defect::BodyTooDeep]);
}

#[test]
fn the_declared_type_decides() {
    let parse = |fields: &[(&'static str, &'static str)]| {
        let headers = fields.iter().copied().collect();
        let body = parse_as_declared(&Bytes::from_static(b"[1]"), &headers, &Budget::default());
        (leaves(&body), body.defects.to_vec())
    };
    assert_eq!(parse(&[("Content-Type", "application/json")]), (vec!["[0]=1".into()], vec![]));
    assert_eq!(parse(&[]), (vec!["=[1]".into()], vec![]));
    assert_eq!(parse(&[("content-type", "json")]), (vec!["=[1]".into()], vec![Defect::MediaType]));
    let broken = [("content-type", "application/json; charset")];
    assert_eq!(parse(&broken), (vec!["[0]=1".into()], vec![Defect::MediaType]));
    let twice = [("content-type", "application/json"), ("Content-Type", "text/plain")];
    assert_eq!(parse(&twice), (vec!["[0]=1".into()], vec![Defect::MediaType]));
}

#[test]
fn shapes_hold_no_values_but_telling_words() {
    let body = read(
        br#"{"id":"a@b.example","tags":["x","y",1],"state":"open","n":{"f":1.5}}"#,
        JSON,
        &Budget::default(),
    );
    let shape = format!("{:?}", body.tree.shape());
    assert_eq!(
        shape,
        "Object([(\"id\", String { length: 11, kind: Email, word: None }), (\"tags\", Array { length: 3, items: \
         [String { length: 1, kind: Word, word: None }, Integer(Magnitude(1))] }), (\"state\", String { length: 4, \
         kind: Word, word: Some(\"open\") }), (\"n\", Object([(\"f\", Number)]))])"
    );
}

/// Equality but for the last bit of a fraction, which `serde_json` rounds its own way.
fn same(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, theirs) {
        (Number(a), Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= b.abs() * 1e-15
        }
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn a_long_string_ends_where_its_first_quote_is() {
    for length in 0..300 {
        let plain = "x\u{e9}".repeat(length / 2) + &"y".repeat(length % 2);
        check(&format!("[\"{plain}\",1]"), JSON, &[&format!("[0]={plain}"), "[1]=1"], &[]);
        let escaped = format!("\"{plain}\\n{plain}\"");
        let theirs: serde_json::Value = serde_json::from_str(&escaped).unwrap();
        assert_eq!(read(escaped.as_bytes(), JSON, &Budget::default()).tree.to_json(), theirs, "{length}");
        for bad in ["\u{1}", "\n", "\u{1f}"] {
            let body = read(format!("\"{plain}{bad}{plain}\"").as_bytes(), JSON, &Budget::default());
            assert_eq!(body.defects.as_slice(), [Defect::BodySyntax], "{bad:?} behind {length}");
        }
    }
}

/// Any JSON document, written by `serde_json`, with some of its bytes maybe spoilt.
fn documents() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e300..1e300).prop_map(|number: f64| serde_json::json!(number)),
        "\\PC{0,6}|[\\x00-\\x1f\"\\\\]{1,3}".prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::vec(("[a-c\"\u{e9}]{0,2}", inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    let spoil = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (value, any::<bool>(), spoil).prop_map(|(value, pretty, spoil)| {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        let mut text = text.unwrap();
        if let Some((at, byte)) = spoil {
            let at = at.index(text.len());
            text[at] = byte;
        }
        text
    })
}

proptest! {
    #[test]
    fn json_agrees_with_serde_json(text in documents()) {
        let body = read(&text, JSON, &Budget::default());
        let broken = body.defects.iter().any(|defect| *defect != Defect::BodyDuplicateKey);
        match serde_json::from_slice::<serde_json::Value>(&text) {
            Ok(value) => {
                prop_assert!(!broken, "{:?}", body.defects);
                prop_assert!(same(&body.tree.to_json(), &value), "{:?} {:?}", body.tree.to_json(), value);
            }
            // It refuses numbers no 64-bit float holds; those are syntactically fine.
            Err(error) => prop_assert!(broken || error.to_string().contains("number out of range"), "{}", error),
        }
    }

    #[test]
    fn spans_slice_back_to_the_values(text in documents()) {
        // What its first bytes say is UTF-16 is brought into UTF-8 first, and spans lie in that.
        prop_assume!(!text.iter().take(2).any(|byte| *byte == 0));
        let body = read(&text, JSON, &Budget::default());
        body.tree.for_each_leaf(|_, value| {
            let span = &text[value.span()];
            match value.kind() {
                Kind::String => {
                    if let Ok(again) = serde_json::from_slice::<String>(span) {
                        assert_eq!(Some(&*again), value.as_str());
                    }
                }
                _ => assert_eq!(Some(std::str::from_utf8(span).unwrap()), value.as_str()),
            }
        });
    }

    #[test]
    fn nothing_panics(text in prop::collection::vec(any::<u8>(), 0..200), media_type in prop::sample::select(vec![
        JSON, MULTIPART, XML, PROTOBUF, "application/graphql", "application/x-www-form-urlencoded", "text/plain",
    ])) {
        let text = if media_type == MULTIPART { [b"--B\r\n", &text[..], b"\r\n--B"].concat() } else { text };
        let body = read(&text, media_type, &Budget::default());
        leaves(&body);
        body.tree.to_json();
        body.tree.shape();
    }
}
