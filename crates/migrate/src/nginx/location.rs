//! Which requests nginx would give to each location of a server, as conditions that exclude each other.
//!
//! nginx takes an exact location, else finds the longest prefix and keeps it if it is `^~`, else takes the first
//! pattern that matches, else the prefix. Prefixes are of text, not of segments. A pattern that cannot be written here
//! is taken to match everything, so that what it refuses is not left open.

use portcullis_document::Place;

use super::read::Directive;

/// How a location says what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Exact(String),
    Prefix(String),
    /// `^~`.
    Final(String),
    Pattern(String),
    /// A pattern with look-around or back-references.
    Unwritable,
    /// What no location is for.
    Rest,
}

/// A location, and the blocks it inherits from: itself last.
#[derive(Clone, Debug)]
pub(super) struct Location<'a> {
    pub(super) kind: Match,
    pub(super) scopes: Vec<&'a Directive>,
    /// What it is within, for a pattern.
    within: Option<String>,
}

impl Location<'_> {
    /// Where the location begins.
    pub(super) fn place(&self) -> Option<&Place> {
        self.scopes.last().map(|own| &own.place)
    }

    /// As a person would name it.
    pub(super) fn title(&self) -> String {
        match &self.kind {
            Match::Exact(path) => format!("location = {path}"),
            Match::Prefix(path) => format!("location {path}"),
            Match::Final(path) => format!("location ^~ {path}"),
            Match::Pattern(pattern) => format!("location ~ {pattern}"),
            Match::Unwritable => "location ~ (a pattern that cannot be written here)".to_owned(),
            Match::Rest => "outside every location".to_owned(),
        }
    }

    /// The prefix, if it is one.
    pub(super) fn prefix(&self) -> Option<&str> {
        match &self.kind {
            Match::Prefix(path) | Match::Final(path) => Some(path),
            _ => None,
        }
    }
}

/// All locations of a server, nested ones too, and the rest. `above` are the blocks around the server.
pub(super) fn all<'a>(above: &[&'a Directive], server: &'a Directive) -> Vec<Location<'a>> {
    let mut scopes = above.to_vec();
    scopes.push(server);
    let mut found = Vec::new();
    below(&scopes, None, server, &mut found);
    if !found.iter().any(|one| one.prefix() == Some("/")) {
        found.push(Location { kind: Match::Rest, scopes, within: None });
    }
    found
}

fn below<'a>(
    scopes: &[&'a Directive],
    within: Option<&str>,
    block: &'a Directive,
    found: &mut Vec<Location<'a>>,
) {
    for one in block.all("location") {
        let kind = match (one.arg(0), one.arg(1)) {
            ("=", path) => Match::Exact(path.to_owned()),
            ("^~", path) => Match::Final(path.to_owned()),
            ("~", pattern) => written("", pattern),
            ("~*", pattern) => written("(?i)", pattern),
            // A named location is entered from others only.
            (name, _) if name.starts_with('@') => continue,
            (path, _) => Match::Prefix(path.to_owned()),
        };
        let mut own = scopes.to_vec();
        own.push(one);
        let prefix = match &kind {
            Match::Prefix(path) | Match::Final(path) => Some(path.clone()),
            _ => within.map(str::to_owned),
        };
        // Patterns inside a location are tried before those outside.
        let at = found.len();
        below(&own, prefix.as_deref(), one, found);
        let location = Location { kind, scopes: own, within: within.map(str::to_owned) };
        if location.prefix().is_some() { found.push(location) } else { found.insert(at, location) }
    }
}

/// A pattern of nginx (PCRE) in RE2's language.
fn written(flags: &str, pattern: &str) -> Match {
    let bytes = pattern.as_bytes();
    let back_reference = bytes.windows(2).any(|two| matches!(two, [b'\\', b'1'..=b'9' | b'K' | b'G']));
    let look_around = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "++", "*+", "?+", "(?R", "(?&", "(?("];
    if back_reference || look_around.iter().any(|one| pattern.contains(one)) {
        return Match::Unwritable;
    }
    Match::Pattern(format!("{flags}{pattern}").replace("(?<", "(?P<"))
}

/// The condition that nginx would take this one of `all`.
pub(super) fn condition(own: &Location<'_>, all: &[Location<'_>]) -> String {
    let mut parts = Vec::new();
    match &own.kind {
        Match::Exact(path) => return equals(path),
        Match::Prefix(path) => {
            longest(path, all, &mut parts);
            parts.extend(patterns(all).map(|other| not(&taken(other))));
        }
        Match::Final(path) => longest(path, all, &mut parts),
        Match::Pattern(_) | Match::Unwritable => {
            parts.push(taken(own));
            parts.extend(
                patterns(all).take_while(|other| !std::ptr::eq(*other, own)).map(|other| not(&taken(other))),
            );
            parts.extend(exacts(all).map(|path| not(&equals(path))));
            for other in all {
                if let Match::Final(path) = &other.kind {
                    let mut inner = Vec::new();
                    longest(path, all, &mut inner);
                    parts.push(format!("!({})", inner.join(" && ")));
                }
            }
        }
        Match::Rest => {
            parts.extend(all.iter().filter_map(Location::prefix).map(|path| not(&begins(path))));
            parts.extend(exacts(all).map(|path| not(&equals(path))));
            parts.extend(patterns(all).map(|other| not(&taken(other))));
        }
    }
    if parts.is_empty() { "true".to_owned() } else { parts.join(" && ") }
}

/// That this is the longest prefix, and no location is exactly the path.
fn longest(path: &str, all: &[Location<'_>], parts: &mut Vec<String>) {
    if path != "/" {
        parts.push(begins(path));
    }
    let longer = all
        .iter()
        .filter_map(Location::prefix)
        .filter(|other| other.len() > path.len() && other.starts_with(path));
    parts.extend(longer.map(|other| not(&begins(other))));
    parts.extend(exacts(all).filter(|exact| exact.starts_with(path)).map(|exact| not(&equals(exact))));
}

fn exacts<'a>(all: &'a [Location<'_>]) -> impl Iterator<Item = &'a str> {
    all.iter().filter_map(|one| if let Match::Exact(path) = &one.kind { Some(path.as_str()) } else { None })
}

fn patterns<'a, 'b>(all: &'a [Location<'b>]) -> impl Iterator<Item = &'a Location<'b>> {
    all.iter().filter(|one| matches!(one.kind, Match::Pattern(_) | Match::Unwritable))
}

/// That a pattern matches.
fn taken(location: &Location<'_>) -> String {
    let matches = match &location.kind {
        Match::Pattern(pattern) => format!("path.matches({})", literal(pattern)),
        _ => "path.startsWith(\"/\")".to_owned(),
    };
    match &location.within {
        Some(within) => format!("({} && {matches})", begins(within)),
        None => matches,
    }
}

fn equals(path: &str) -> String {
    format!("path == {}", literal(path))
}

fn begins(path: &str) -> String {
    format!("path.startsWith({})", literal(path))
}

/// The opposite of a condition that needs no brackets.
fn not(condition: &str) -> String {
    match condition.strip_prefix("path == ") {
        Some(path) => format!("path != {path}"),
        None => format!("!{condition}"),
    }
}

/// Text as a condition writes it.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use portcullis_document::MemorySources;

    use super::super::read::read;
    use super::*;

    #[test]
    fn locations_exclude_each_other_as_nginx_chooses() {
        let text = "server { location / {} location /a {} location ^~ /a/s/ {} location = /a/x {}\n\
                    location ~* \\.php$ {} location ~ (?!x) {} }";
        let sources = MemorySources::new().file("a.conf", text);
        let read = read(&["a.conf".to_owned()], &sources).expect("reads");
        let all = all(&[], &read[0]);
        let told: Vec<_> =
            all.iter().map(|one| format!("{}: {}", one.title(), condition(one, &all))).collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
