//! Feeds in the forms their makers publish them in, and feeds that are none.

use portcullis_document::MemorySources;

use super::*;

fn list(keys: &str) -> List {
    let policy = format!(
        "listen: 127.0.0.1:1\nlists: {{ x: {{ {keys} }} }}\nsites: {{ s: {{ hosts: s.example, upstream: {{ servers: http://127.0.0.1:9 }} }} }}\n"
    );
    let loaded = portcullis_policy::load("p.yaml", &MemorySources::new().file("p.yaml", policy));
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    policy.lists.iter().next().unwrap().clone()
}

/// What a list with these keys makes of a text.
pub(crate) fn read(keys: &str, text: &str) -> Result<Entries, Vec<BadEntry>> {
    Entries::read(&list(keys), text.as_bytes())
}

/// Its entries: ranges counted, words shown; or its mistakes.
fn check(keys: &str, text: &str) -> (usize, Vec<String>) {
    match read(keys, text) {
        Ok(entries) => (entries.ranges.len(), entries.words.iter().map(ToString::to_string).collect()),
        Err(bad) => {
            let said = |bad: BadEntry| format!("{}: {}", bad.line.map_or(0, |line| line), bad.why);
            (usize::MAX, bad.into_iter().map(said).collect())
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

const URL: &str = "url: https://feeds.example/x";

#[test]
fn lines_have_comments_of_both_kinds() {
    let text =
        "\u{feff}; Spamhaus\r\n192.0.2.0/24 ; SBL1\r\n\r\n# more\n2001:db8::/32#x\n10.0.0.1-10.0.0.9\n";
    assert_eq!(check(URL, text), (3, vec![]));
    assert_eq!(check("file: x", "a;b\nc ;d\n"), (0, words(&["a;b", "c"])));
}

#[test]
fn what_comes_by_url_is_addresses_unless_policy_says_otherwise() {
    let page = "<!DOCTYPE html>\n<p>Maintenance\n";
    assert_eq!(
        check(URL, page).1,
        [
            "1: `<!DOCTYPE html>` is no address, network or range",
            "2: `<p>Maintenance` is no address, network or range"
        ]
    );
    assert_eq!(check(&format!("{URL}, of: anything"), "acme\n"), (0, words(&["acme"])));
    assert_eq!(check("file: x, of: addresses", "acme\n").0, usize::MAX);
    assert_eq!(check("file: x", "10.0.0.300\n").1, ["1: `10.0.0.300` looks like an address and is none"]);
}

#[test]
fn crawlers_ranges_are_read_as_their_makers_publish_them() {
    let keys = format!("{URL}, json: {{ at: /prefixes, fields: [ipv4Prefix, ipv6Prefix] }}");
    let text = r#"{"creationTime":"2026-01-01T00:00:00","prefixes":[{"ipv6Prefix":"2001:4860:4801:10::/64"},{"ipv4Prefix":"66.249.64.0/27"},{"note":"x"}]}"#;
    assert_eq!(check(&keys, text), (2, vec![]));
    for (text, said) in [
        ("{}", "0: /prefixes is no array"),
        ("<html>", "1: it is no JSON: expected value at line 1 column 1"),
        (r#"{"prefixes":[[1]]}"#, "0: item 1 is neither text nor a number"),
        (
            r#"{"prefixes":[{"ipv4Prefix":"66.249.64.0/33"}]}"#,
            "0: item 1: `66.249.64.0/33` looks like an address and is none",
        ),
    ] {
        assert_eq!(check(&keys, text), (usize::MAX, vec![said.to_owned()]), "{text}");
    }
    assert_eq!(check(&format!("{URL}, json: {{}}"), r#"["192.0.2.1", null]"#), (1, vec![]));
    assert_eq!(check("file: x, json: {}", "[64496, 64511]"), (0, words(&["64496", "64511"])));
}

#[test]
fn csv_is_read_by_the_name_or_number_of_a_column() {
    let text =
        "# threats\nseen,\"ip, or net\",why\n2026,192.0.2.1,\"a \"\"b\"\",\nc\"\n\n2026,\"192.0.2.9\",d\r\n";
    let keys = format!("{URL}, csv: {{ column: 'ip, or net' }}");
    assert_eq!(check(&keys, text), (2, vec![]));
    let keys = format!("{URL}, csv: {{ column: 2, separator: ';' }}");
    assert_eq!(check(&keys, "a;192.0.2.1\nb;192.0.2.2"), (2, vec![]));
    assert_eq!(check(&keys, "a;192.0.2.1\nb\n").1, ["2: the row has no column 2"]);
    let late = "x;\"two\nlines\"\n".replace("\"two\nlines\"", "192.0.2.1;\"two\nlines\"") + "y;192.0.2.300\n";
    assert_eq!(check(&keys, &late).1, ["3: `192.0.2.300` looks like an address and is none"]);
    let keys = format!("{URL}, csv: {{ column: ip }}");
    assert_eq!(check(&keys, "a,b\n").1, ["0: its first row names no column `ip`"]);
    assert_eq!(check(&keys, "").1, ["0: its first row names no column `ip`"]);
    assert_eq!(check(&format!("{URL}, csv: {{ column: 1 }}"), "\"192.0.2.1"), (1, vec![]));
}

#[test]
fn entries_are_bounded() {
    let keys = format!("{URL}, max_entries: 2");
    assert_eq!(check(&keys, "192.0.2.1\n192.0.2.3\n"), (2, vec![]));
    let said = "0: it has more than 2 entries, which is its `max_entries`".to_owned();
    assert_eq!(check(&keys, "192.0.2.1\n192.0.2.3\n192.0.2.5\nnonsense\n"), (usize::MAX, vec![said]));
    let many = "nonsense\n".repeat(5000);
    assert_eq!(check(URL, &many).1.len(), MOST);
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), text in "[\",;#\\n0-9.a-z\\[\\]{}:]{0,80}") {
        for keys in ["file: x", "file: x, json: { fields: [a] }", "file: x, csv: { column: 1 }", "file: x, csv: { column: a }"] {
            let list = list(keys);
            let _ = Entries::read(&list, &bytes);
            let _ = Entries::read(&list, text.as_bytes());
        }
    }
}
