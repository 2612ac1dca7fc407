//! Versions of an API that an exchange names in its fields, media types and query.
//!
//! Invariants: only what looks like a version is told, and bounded in length and number. Versions of clients are none.

use portcullis_model::Headers;
use portcullis_model::version::{NamedBy, NamedVersion, SeenVersion, VersionPlace};
use portcullis_wire::fields::MediaType;
use smol_str::SmolStr;

use crate::node_key::NodeKeys;
use crate::state::State;

/// Versions told of one exchange, values of a field looked at, and the longest version and name.
const MOST: usize = 4;
const VALUES: usize = 8;
const LONGEST: usize = 24;
const LONGEST_NAME: usize = 48;

/// Words in names of fields that carry the version of something else.
const OTHERS: &[&str] = &[
    "agent", "app", "browser", "build", "client", "device", "http", "mime", "os", "platform", "sdk", "sec",
    "tls",
];

/// The versions of an exchange; what the answer names it vouches for.
pub(super) fn named(state: &State, node: &NodeKeys) -> Vec<SeenVersion> {
    let answered = state.response.as_ref().map(|head| in_head(&head.headers, &["content-type"]));
    let answered = answered.unwrap_or_default();
    let mut asked = in_head(&state.head.headers, &["accept", "content-type"]);
    asked.extend(in_query(state));
    let is_vouched = |asked: &NamedVersion| answered.iter().any(|known| known.version == asked.version);
    let mut seen: Vec<(NamedVersion, NamedBy)> = Vec::new();
    for version in &asked {
        let by = if is_vouched(version) { NamedBy::Answer } else { NamedBy::Request };
        seen.push((version.clone(), by));
    }
    if asked.is_empty() {
        seen.extend(answered.into_iter().map(|version| (version, NamedBy::Answer)));
    }
    seen.sort_by(|one, other| one.0.cmp(&other.0));
    seen.dedup_by(|one, other| one.0 == other.0);
    let told = seen.into_iter().take(MOST).map(|(named, by)| {
        let hash = node.pseudonym(named.to_string().as_bytes());
        SeenVersion { named, hash, by }
    });
    told.collect()
}

/// Those of fields that carry nothing else, and of media types.
fn in_head(headers: &Headers, media_types: &[&str]) -> Vec<NamedVersion> {
    let of_field = headers.iter().filter_map(|field| {
        let name = std::str::from_utf8(field.name).ok()?.to_ascii_lowercase();
        let value = std::str::from_utf8(field.value).ok().filter(|_| is_version_field(&name))?;
        Some(NamedVersion { version: version(value)?, place: VersionPlace::Header(name.into()) })
    });
    // Of several types that a client takes, the first is what it wants.
    let of_type = |name: &&str| {
        let values = headers.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        let mut types = values.take(VALUES).filter_map(MediaType::parse);
        types.find_map(|media_type| in_media_type(&media_type))
    };
    let of_types = media_types.iter().filter_map(of_type);
    let of_types = of_types.map(|version| NamedVersion { version, place: VersionPlace::MediaType });
    of_field.chain(of_types).take(MOST).collect()
}

fn in_query(state: &State) -> Option<NamedVersion> {
    let mut pairs = state.normal.query().pairs();
    pairs.find_map(|(name, value)| {
        let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let is_version = name.len() <= LONGEST_NAME && bare.eq_ignore_ascii_case("apiversion");
        let version = version(&value).filter(|_| is_version)?;
        Some(NamedVersion { version, place: VersionPlace::Query(name.into()) })
    })
}

/// `Api-Version`, `Accept-Version`, `Stripe-Version`; not `X-Client-Version`.
fn is_version_field(name: &str) -> bool {
    let Some(before) = name.strip_suffix("version") else { return false };
    name.len() <= LONGEST_NAME
        && (before.is_empty() || before.ends_with(['-', '_']))
        && !before.split(['-', '_']).any(|word| OTHERS.contains(&word))
}

/// `application/vnd.acme.v2+json`; a parameter `version`.
fn in_media_type(media_type: &MediaType) -> Option<SmolStr> {
    let parameter = ["version", "api-version", "v"].iter().find_map(|name| media_type.parameter(name));
    if let Some(version) = parameter.and_then(version) {
        return Some(version);
    }
    let vendor = media_type.essence().split_once('/')?.1.strip_prefix("vnd.")?;
    let mut words = vendor.split(['.', '-', '+', '_']).filter(|word| word.starts_with('v'));
    words.find_map(version)
}

/// What looks like a version, lower case: `2`, `v2.1`, `1.0-beta`, `2026-01-31`, `2026-01-31-preview`.
fn version(text: &str) -> Option<SmolStr> {
    let text = text.trim().trim_matches('"').to_ascii_lowercase();
    let numbers = text.strip_prefix('v').unwrap_or(&text);
    let end = numbers.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(numbers.len());
    let (numbers, stage) = numbers.split_at(end);
    let numbers = numbers.trim_end_matches('-');
    let are_numbers = numbers
        .split(['.', '-'])
        .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    let stage = stage.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let is_stage = matches!(stage, "" | "alpha" | "beta" | "rc" | "preview");
    (text.len() <= LONGEST && !text.ends_with('-') && are_numbers && is_stage).then(|| SmolStr::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_version() {
        for text in
            ["2", "v2", "V2.1", "1.0-beta", "2026-01-31", "2026-01-31-preview", "\"3\"", "v2beta1", "10.2.3"]
        {
            assert!(version(text).is_some(), "{text}");
        }
        for text in [
            "",
            "v",
            "latest",
            "two",
            "12345",
            "1.2.3.4.5.6.7.8.9.0.1.2.3",
            "1;drop",
            "-1",
            "a@b.example",
            "2-",
        ] {
            assert!(version(text).is_none(), "{text}");
        }
    }

    #[test]
    fn where_versions_are_named() {
        let check = |fields: &[(&str, &str)], wanted: &[&str]| {
            let headers: Headers = fields.iter().copied().collect();
            let found = in_head(&headers, &["accept", "content-type"]);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), wanted, "{fields:?}");
        };
        check(&[("Api-Version", "2")], &["version 2 (header api-version)"]);
        check(
            &[("X-GitHub-Api-Version", "2022-11-28")],
            &["version 2022-11-28 (header x-github-api-version)"],
        );
        check(&[("Accept-Version", "1.x"), ("MIME-Version", "1.0"), ("X-Client-Version", "7")], &[]);
        check(&[("Accept", "text/html, application/vnd.acme.orders.v2+json")], &["version v2 (media type)"]);
        check(&[("Accept", "application/json;version=3")], &["version 3 (media type)"]);
        check(&[("Accept", "application/vnd.oasis.opendocument.text")], &[]);
        check(&[("Content-Type", "text/html;v=b3")], &[]);
    }
}
