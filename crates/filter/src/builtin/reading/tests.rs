//! What each decoding makes of a value, and that readings are bounded.

use super::*;

fn all(value: &str) -> Vec<String> {
    let mut steps = 1_000_000;
    readings(value.as_bytes(), Marks::of(value.as_bytes()), &mut steps)
        .into_iter()
        .map(|reading| String::from_utf8_lossy(&reading.bytes).into_owned())
        .collect()
}

fn check(value: &str, reading: &str) {
    assert!(
        all(value).iter().any(|found| found == reading),
        "{value} is not read as {reading}: {:?}",
        all(value)
    );
}

#[test]
fn what_an_application_would_decode() {
    check("%3Cb%3E", "<b>");
    check("%253Cb%253E", "<b>");
    check("a+b%3D1", "a b=1");
    check(r"\u003cb\u003e", "<b>");
    check(r"%u003cb", "<b");
    check(r"\x3cb\076", "<b>");
    check("&lt;b&#62;&#x3c;i", "<b><i");
    check("java&Tab;script&colon;x", "java\tscript:x");
    check("&#x0000003c;b", "<b");
    check("un\u{200b}ion", "union");
    check("\u{ff1c}b\u{ff1e}", "<b>");
    check("PHNjcmlwdD5hbGVydCgnMScpPC9zY3JpcHQ+", "<script>alert('1')</script>");
    check("data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "<script>alert(1)</script>");
    check("3c7363726970743e616c6572742831293c2f7363726970743e", "<script>alert(1)</script>");
    check(r#"un\",\"ion se\",\"lect 1"#, "union select 1");
    check("top['al'+'ert'](1)", "top['alert'](1)");
    check(r"c\at /et'c'/passwd", "cat /etc/passwd");
}

#[test]
fn overlong_bytes_are_shortened() {
    let value = b"cat\xc0\xa0\xc0\xafetc";
    let mut steps = 1000;
    let found = readings(value, Marks::of(value), &mut steps);
    assert!(found.iter().any(|reading| reading.bytes == b"cat /etc"));
}

#[test]
fn words_and_tokens_have_one_reading() {
    for value in [
        "administrator",
        "Hello, world",
        "550e8400-e29b-41d4-a716-446655440000",
        "50%",
        "R&D",
        "d41d8cd98f00b204e9800998ecf8427e",
    ] {
        assert!(all(value).is_empty(), "{value}: {:?}", all(value));
    }
}

#[test]
fn readings_are_bounded_and_distinct() {
    let mut value = "<%41".to_owned();
    for _ in 0..9 {
        value = value.replace('%', "%25");
    }
    let found = all(&value);
    assert!(found.len() <= MOST_READINGS);
    let mut distinct = found.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), found.len());
}
