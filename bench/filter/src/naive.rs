//! Every pattern of paranoia level 1 on every value it is meant for, each with a `regex` of its own.
//!
//! The least a filter without any way of ruling rules out has to do: no transformations, no scores, no chains. Values
//! are taken from the request once and for all rules.

use anyhow::Result;
use portcullis_filter::seclang::{Link, Rules, Selector, Test, Variable};
use portcullis_wire::body::{Budget, parse_as_declared};
use portcullis_wire::urlencoded;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::Driven;
use crate::request::Sent;

/// A value and where it stands.
type Placed = (Variable, String, Vec<u8>);

struct Pattern {
    targets: Vec<(Variable, Option<String>)>,
    regex: Regex,
}

/// All patterns.
pub(crate) struct Naive {
    patterns: Vec<Pattern>,
}

impl Naive {
    pub(crate) fn new(rules: &Rules) -> Result<Self> {
        let first_level =
            rules.iter().filter(|rule| rule.actions.tags.iter().any(|tag| tag == "paranoia-level/1"));
        let patterns: Vec<Pattern> =
            first_level.flat_map(portcullis_filter::seclang::Rule::links).filter_map(pattern_of).collect();
        anyhow::ensure!(patterns.len() > 100, "only {} patterns compile", patterns.len());
        Ok(Self { patterns })
    }
}

fn pattern_of(link: &Link) -> Option<Pattern> {
    let Test::Values { targets, operator } = &link.test else { return None };
    let text = operator.argument.as_text().filter(|_| operator.name == "rx" && !operator.negated)?;
    let selected = |selector: &Selector| match selector {
        Selector::All => Some(None),
        Selector::Key(key) => Some(Some(key.to_ascii_lowercase())),
        Selector::Pattern(_) => None,
    };
    let targets = targets.iter().filter_map(|target| Some((target.variable, selected(&target.selector)?)));
    let config = syntax::Config::new().utf8(false).unicode(false).dot_matches_new_line(true);
    let regex = Regex::builder().syntax(config).build(&code_points_as_bytes(text)).ok()?;
    Some(Pattern { targets: targets.collect(), regex })
}

/// `\x{HH}` means a byte in PCRE and a character here.
fn code_points_as_bytes(pattern: &str) -> String {
    let mut parts = pattern.split("\\x{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_once('}').unwrap_or((part, ""));
        text.push_str("\\x");
        text.push_str(digits);
        text.push_str(rest);
    }
    text
}

impl Driven for Naive {
    fn take(&mut self, sent: &Sent) -> bool {
        // Some patterns match ordinary values and are for other rules of their chain to judge: nothing is blocked here.
        std::hint::black_box(measured_request(self, sent));
        false
    }
}

/// Callgrind counts what happens in here.
#[inline(never)]
fn measured_request(naive: &Naive, sent: &Sent) -> bool {
    let values = values_of(sent);
    let mut matched = false;
    for pattern in &naive.patterns {
        for (variable, key, value) in &values {
            let meant = |(target, selected): &(Variable, Option<String>)| {
                target == variable && selected.as_ref().is_none_or(|selected| selected == key)
            };
            matched |= pattern.targets.iter().any(meant) && pattern.regex.is_match(value);
        }
    }
    matched
}

fn values_of(sent: &Sent) -> Vec<Placed> {
    let mut values: Vec<Placed> = Vec::new();
    let mut add = |variable, key: &str, value: &[u8]| values.push((variable, key.to_owned(), value.to_vec()));
    let (path, query) = split(&sent.head.target, b'?');
    add(Variable::RequestUri, "", &sent.head.target);
    add(Variable::RequestUriRaw, "", &sent.head.target);
    add(Variable::RequestFilename, "", path);
    add(Variable::RequestBasename, "", path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
    add(Variable::QueryString, "", query);
    for header in sent.head.headers.iter() {
        let name = String::from_utf8_lossy(header.name).to_ascii_lowercase();
        add(Variable::RequestHeaders, &name, header.value);
        add(Variable::RequestHeadersNames, &name, header.name);
        if name == "cookie" {
            for cookie in header.value.split(|byte| *byte == b';') {
                let (name, value) = split(cookie.trim_ascii(), b'=');
                add(Variable::RequestCookies, &String::from_utf8_lossy(name), value);
                add(Variable::RequestCookiesNames, &String::from_utf8_lossy(name), name);
            }
        }
    }
    let mut argument = |name: &[u8], value: &[u8]| {
        let key = String::from_utf8_lossy(name).into_owned();
        values.push((Variable::Args, key.clone(), value.to_vec()));
        values.push((Variable::ArgsNames, key, name.to_vec()));
    };
    for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = split(pair, b'=');
        argument(&urlencoded::decode(name), &urlencoded::decode(value));
    }
    if !sent.body.is_empty() {
        let body = parse_as_declared(&sent.body, &sent.head.headers, &Budget::default());
        body.tree.for_each_leaf(|place, leaf| argument(place.as_bytes(), leaf.bytes()));
    }
    values
}

fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let place = text.iter().position(|byte| *byte == at);
    place.map_or((text, &[][..]), |place| {
        let (before, after) = text.split_at(place);
        (before, after.get(1..).unwrap_or_default())
    })
}
